"""Programs of the build with some of their sources changed, without touching the tree or the build.

Only what is changed is compiled, with the build's own commands, and linked in front of the archives, which
are then not asked for it.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from rig import BUILD, REPOSITORY

# Of the build. PROGRAMS are those that have the engine in them and may be needed broken.
FOLDERS = ["daemon", "ctl", "tests"]
PROGRAMS = ["daemon/imapsyncd", "tests/run-sync", "tests/test-model", "tests/test-engine",
            "tests/test-engine-direction", "tests/test-engine-size-limit", "tests/test-engine-limits",
            "tests/test-model-direction", "tests/test-imap-replica-expunge"]


class Unfit(Exception):
    """The patch does not apply, or what it makes cannot be built."""


def _run(command, folder):
    result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(pathlib.Path(folder).parent)})
    if result.returncode != 0:
        raise Unfit(f"{command[0]}: {(result.stderr or result.stdout).strip()[-1500:]}")
    return result.stdout


def apply(patch, files, folder):
    """Copies of these files of the repository into a folder that is not there yet, and the patch on them."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (REPOSITORY / name).exists():
            raise Unfit(f"there is no {name}")
        shutil.copy(REPOSITORY / name, folder / name)
    _run(["git", "apply", patch], folder)


def _compile(name, folder, commands):
    """The object of a changed file, and the archive of the build that has the object of the file as it was."""
    [row] = [row for row in commands
             if (BUILD / row["file"]).resolve() == REPOSITORY / name and ".a.p/" in row["output"]]
    target = folder / (pathlib.Path(name).name + ".o")
    own = {row["file"]: folder / name, row["output"]: target, row["output"] + ".d": str(target) + ".d"}
    command = [str(own.get(word, word)) for word in shlex.split(row["command"])]
    _run([*command, "-Wno-error"], BUILD)
    return target, row["output"].split(".p/")[0]


def _link(program, objects, target):
    line = _run(["ninja", "-C", BUILD, "-t", "commands", "-s", program], BUILD).splitlines()[-1]
    words = shlex.split(line)
    mine = [str(path) for path, archive in objects if archive in words]
    if not mine:
        return False
    words[words.index("-o") + 1] = str(target)
    place = min(n for n, word in enumerate(words) if word.endswith(".a"))
    _run([*words[:place], *mine, *words[place:]], BUILD)
    return True


def build(files, folder, programs):
    """A folder that serves as $BUILD, with the changed files of this folder in these of its PROGRAMS."""
    made = folder / "build"
    for name in FOLDERS:
        (made / name).mkdir(parents=True)
        for path in (BUILD / name).iterdir():
            is_kept = path.is_file() and not re.search(r"\.(a|o)$", path.name)
            if is_kept and f"{name}/{path.name}" not in PROGRAMS:
                (made / name / path.name).symlink_to(path)
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    objects = [_compile(name, folder, commands) for name in files]
    for program in PROGRAMS:
        if program not in programs or not _link(program, objects, made / program):
            (made / program).symlink_to(BUILD / program)
    return made
