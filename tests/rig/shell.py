"""A shell on a terminal, into which somebody types: what arrives at the commands is what counts."""

import os
import pty
import shutil
import signal
import subprocess
import threading

from rig import IMAPSYNCCTL, IMAPSYNCD, REPOSITORY, wait_until

COMPLETIONS = REPOSITORY / "ctl" / "completions"
READY = "ready-for-input"
# Stands in for a program: it answers what completions ask, and notes with what it is called otherwise.
STAND_IN = """#!/bin/sh
case $1 in complete|--complete) exec '{program}' {options} "$@" ;; esac
{{ printf '%s\\n' "${{0##*/}}" "$@"; echo .; }} >"$HOME/typed.new"
mv "$HOME/typed.new" "$HOME/typed"
"""
START = {
    "bash": (".bashrc", "PS1='{ready}$ '\nbind 'set enable-bracketed-paste off'\n. {folder}/imapsyncctl.bash\n",
             ["bash", "--noprofile", "--rcfile", "{home}/.bashrc", "-i"]),
    "zsh": (".zshrc", "fpath=({folder} $fpath)\nautoload -U compinit\ncompinit -u -D\nunset zle_bracketed_paste\n"
            "PS1='{ready}$ '\nPROMPT_SP=\nunsetopt prompt_sp\n", ["zsh", "-d", "-i"]),
    "fish": (".config/fish/config.fish", "set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n"
             "function fish_prompt; echo '{ready}$ '; end\nsource {folder}/imapsyncctl.fish\n", ["fish", "-i"]),
}


def is_there(name):
    return shutil.which(name) is not None


class Shell:
    """with Shell("zsh", home) as shell: shell.type("imapsyncctl st\\t\\n") is what imapsyncctl is called with."""

    def __init__(self, name, home, options="", variables=None):
        self.home = home
        file, text, command = START[name]
        words = {"folder": COMPLETIONS, "ready": READY, "home": home}
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text.format(**words))
        self._stand_in(options)
        env = {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "ZDOTDIR": str(home), "HISTFILE": ""} | (variables or {})
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [word.format(**words) for word in command], stdin=slave, stdout=slave, stderr=slave, cwd=home, env=env,
            start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)))
        os.close(slave)
        self.shown = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _stand_in(self, options):
        (self.home / "bin").mkdir(exist_ok=True)
        for program in (IMAPSYNCCTL, IMAPSYNCD):
            path = self.home / "bin" / program.name
            path.write_text(STAND_IN.format(program=program, options=options))
            path.chmod(0o755)

    def _read(self):
        try:
            while chunk := os.read(self.master, 65536):
                self.shown += chunk
        except OSError:  # the other side is closed
            pass

    def type(self, keys):
        """Type at the next prompt; the words that a program was called with then."""
        wait_until(lambda: self.shown.rstrip().endswith((READY + "$").encode()), "a prompt", 30)
        self.shown = b""
        typed = self.home / "typed"
        typed.unlink(missing_ok=True)
        os.write(self.master, keys.encode())
        try:
            wait_until(typed.exists, f"a call by {keys!r}", 15)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.shown.decode(errors='replace')}") from None
        *words, end = typed.read_text().splitlines()
        assert end == "."
        return words

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join()
        os.close(self.master)
