# bash completion for imapsyncctl and imapsyncd                                         -*- shell-script -*-
#
# The programs say what may come next (imapsyncctl complete, imapsyncd --complete); here is only what bash
# makes of it. Words come quoted as they were typed, and readline replaces only what stands behind the last of
# $COMP_WORDBREAKS or an open quote, so the line is read anew.

# Read the line up to the cursor: _imapsync_words without quotes, the last being typed; of that one, how much
# stands before what readline replaces, and the quote that is open.
_imapsync_read() {
        local line=${COMP_LINE:0:COMP_POINT} word= quote= c i
        local begun=
        _imapsync_words=() _imapsync_kept= _imapsync_quote=

        for ((i = 0; i < ${#line}; i++)); do
                c=${line:i:1}
                if [[ $quote ]]; then
                        if [[ $c == "$quote" ]]; then
                                quote=
                        elif [[ $quote == '"' && $c == \\ && ${line:i+1:1} == [\"\\\$\`] ]]; then
                                word+=${line: ++i:1}
                        else
                                word+=$c
                        fi
                elif [[ $c == [\'\"] ]]; then
                        quote=$c begun=1 _imapsync_kept=$word
                elif [[ $c == \\ ]]; then
                        word+=${line: ++i:1} begun=1
                elif [[ $c == [[:blank:]] ]]; then
                        [[ $begun ]] && _imapsync_words+=("$word")
                        word= begun= _imapsync_kept=
                else
                        word+=$c begun=1
                        [[ $COMP_WORDBREAKS == *"$c"* ]] && _imapsync_kept=$word
                fi
        done
        _imapsync_words+=("$word")
        _imapsync_quote=$quote
}

# $1 as it must be typed behind the quote that is open.
_imapsync_type() {
        local text= c i
        case $_imapsync_quote in
        \')
                text=${1//\'/"'\\''"}
                ;;
        \")
                for ((i = 0; i < ${#1}; i++)); do
                        c=${1:i:1}
                        [[ $c == [\"\\\$\`] ]] && text+=\\
                        text+=$c
                done
                ;;
        *)
                for ((i = 0; i < ${#1}; i++)); do
                        c=${1:i:1}
                        [[ $c == [[:blank:]\|\&\;\(\)\<\>\"\'\\\$\`*?\[\]#~!{}^] ]] && text+=\\
                        text+=$c
                done
                ;;
        esac
        printf '%s' "$text"
}

_imapsync() {
        local -a _imapsync_words
        local _imapsync_kept _imapsync_quote kind word line what=-f IFS=$' \t\n'
        local -a ask=(complete --)
        COMPREPLY=()

        _imapsync_read
        [[ ${_imapsync_words[0]} == *imapsyncd ]] && ask=(--complete --)
        word=${_imapsync_words[-1]}
        {
                IFS= read -r kind
                case $kind in
                files | folders)
                        compopt -o filenames
                        [[ $kind == folders ]] && what=-d
                        word=${word:${#_imapsync_kept}}
                        mapfile -t COMPREPLY < <(compgen $what -- "$word")
                        ;;
                esac
                while IFS=$'\t' read -r line _; do
                        [[ $line == "$word"* ]] &&
                                COMPREPLY+=("$(_imapsync_type "${line:${#_imapsync_kept}}")")
                done
        } < <("${_imapsync_words[0]}" "${ask[@]}" "${_imapsync_words[@]:1}" 2>/dev/null </dev/null)
}

complete -F _imapsync imapsyncctl imapsyncd
