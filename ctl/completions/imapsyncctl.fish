# fish completion for imapsyncctl and imapsyncd: the programs say what may come next.

function __imapsync_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l ask complete --
    string match -q '*imapsyncd' -- $words[1]; and set ask --complete --
    # what is typed of the last word is matched by fish; only an option is known by its beginning
    string match -q -- '-*' $last; and set last -; or set last ''

    set -l answer ($words[1] $ask $words[2..-1] $last 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
    end
    test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
end

complete -c imapsyncctl -f -k -a '(__imapsync_complete)'
complete -c imapsyncd -f -k -a '(__imapsync_complete)'
