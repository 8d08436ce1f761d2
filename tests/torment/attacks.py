"""Those who mean harm: the peer on the wire, who names mailboxes, who shares the Maildir, another user.

An attack is a function of a Stage in one of the modules of torment.attack; the first line of its docstring
says what is tried. It ends with nothing to say, or by stage.check() and stage.judge().
"""

import concurrent.futures
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from rig import BUILD
from torment.attack import control, disk, names, secrets, wire
from torment.attack.stage import Skipped, Stage
from torment.tally import Tally

DOES = "attack by wire, mailbox name, Maildir, control socket, and look for secrets"
MODULES = [wire, names, disk, control, secrets]
# Attacks that are tests already: in full, for everybody runs them anyway.
TESTS = [
    "link.Tls.test_old_version", "link.Tls.test_no_resumption_under_other_trust", "link.Starttls",
    "link.Compress.test_bomb", "link.Compress.test_broken",
    "system.test_badinput.Configuration.test_secret_readable_by_others",
    "system.test_badinput.Configuration.test_password_file_readable_by_others",
    "system.test_badinput.Configuration.test_cleartext_to_the_world",
]


def arguments(parser):
    parser.add_argument("names", nargs="*", metavar="ATTACK", help=f"of {', '.join(table())}, tests; default: all")
    parser.add_argument("--jobs", type=int, default=3, help="attacks at a time: most wait for something")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all attacks")
    parser.add_argument("-v", "--verbose", action="store_true", help="what each measured")


def table():
    """{name: function}; those with is_long only in full."""
    return {attack.__name__: attack for module in MODULES for attack in module.ATTACKS}


def run(options):
    tally = Tally()
    chosen = options.names or [name for name, attack in table().items()
                               if options.full or not getattr(attack, "is_long", False)]
    for name in set(chosen) - set(table()) - {"tests"}:
        tally.wrong(f"there is no attack {name}")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="imapsyncd-attacks-"))
    directory.chmod(0o755)
    attacks = [table()[name] for name in chosen if name in table()]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for part in pool.map(lambda attack: play(attack, directory / attack.__name__, options), attacks):
            tally.merge(part)
    if "tests" in chosen or (options.full and not options.names):
        play_tests(tally)
    if tally.is_good and not options.keep:
        shutil.rmtree(directory)
    else:
        print(f"  kept: {directory}", flush=True)
    return tally


def play(attack, directory, options):
    begin, tally = time.monotonic(), Tally()
    stage = Stage(directory, attack.__name__, tally)
    try:
        attack(stage)
        tally.add(attacks=1)
    except Skipped as reason:
        tally.add(skipped=1)
        stage.say(f"skipped: {reason}")
    except Exception as error:
        tally.wrong(f"{attack.__name__}: {type(error).__name__}: {str(error)[:600]}")
    finally:
        stage.close()
    if options.verbose:
        print(f"  {attack.__name__}: {attack.__doc__.splitlines()[0]} {time.monotonic() - begin:.2f} s"
              + "".join(f"\n      {line}" for line in stage.said), flush=True)
    return tally


def play_tests(tally):
    """They are run where they are."""
    os.environ.setdefault("CONNECTION_PROBE", str(BUILD / "tests" / "connection-probe"))
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromNames(TESTS).run(result)
    for test, text in result.failures + result.errors:
        tally.wrong(f"{test.id()}: {text.strip().splitlines()[-1]}")
    tally.add(attacks=result.testsRun)
