"""Another program in the Maildir, and who can write to the folders around it."""

import os
import shutil
import stat

from rig import compare
from torment.attack.stage import Skipped


def planted(stage, *plants, status=None):
    """A Maildir in sync; then @plants(account) put something into it, and there is new mail on both sides.
    Every message that was there is there in the end, and nothing around the Maildir was touched or read."""
    server = stage.server if hasattr(stage, "server") else stage.dovecot()
    stage.server = server
    for n, plant in enumerate(plants):
        plant_one(stage, server, f"user{n}", plant, status)


def plant_one(stage, server, user, plant, status):
    account = stage.account(server, user=user, tls="none", name=user)
    stage.with_mail(account)
    account.tree.folder("box").create()
    stage.check(account.once().status == 0, "the first run ends well")
    with server.session(user) as session:
        model = compare.remote(session)
        session.append("box", b"Message-ID: <new@there>\r\n\r\nhello\r\n")
    plant(stage, account)
    before = stage.surroundings()
    for _ in range(2):
        result, rss = stage.once(account, timeout=30)
        stage.check(status is None or result.status == status, f"{plant.__name__}: {result}")
        stage.check(result.status >= 0 and rss < 40, f"{plant.__name__}: {rss:.0f} MB, {result}")
    stage.say(f"{plant.__name__}: status {result.status}: {(result.err.splitlines() or ['nothing'])[-1][:150]}")
    stage.check(stage.surroundings() == before, f"{plant.__name__}: files beside the Maildir changed")
    with server.session(user) as session:
        there = compare.remote(session)
    stage.check(not any("precious" in row.label for rows in there.values() for row in rows),
                f"{plant.__name__}: what is outside was sent to the server")
    new = [row for row in there["box"] if "new@there" in row.label]
    stage.judge(model | {"box": model["box"] + new}, ("remote", there))


# What can be put there

def _precious(stage):
    (stage.outside / "precious").write_bytes(b"Message-ID: <precious@outside>\n\nnobody's business\n")
    return stage.outside / "precious"


def link_to_file(stage, account):
    (account.tree.folder("box").path / "cur" / "1.link.host:2,S").symlink_to(_precious(stage))
    (account.tree.folder("box").path / "new" / "2.link.host").symlink_to(_precious(stage))


def link_to_nothing(stage, account):
    (account.tree.folder("box").path / "cur" / "1.link.host:2,S").symlink_to(stage.outside / "not there")


def fifo(_stage, account):
    os.mkfifo(account.tree.folder("box").path / "cur" / "1.fifo.host:2,S")
    os.mkfifo(account.tree.folder("box").path / "new" / "2.fifo.host")


def device(_stage, account):
    """Of zeros: to read it has no end."""
    try:
        os.mknod(account.tree.folder("box").path / "cur" / "1.zero.host:2,S", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError as error:
        raise Skipped("needs root") from error


def directory(_stage, account):
    (account.tree.folder("box").path / "cur" / "1.directory.host:2,S").mkdir()


def link_tmp(stage, account):
    """What is delivered would be written outside."""
    _replace(account.tree.folder("box").path / "tmp", stage)


def link_cur(stage, account):
    _replace(account.tree.folder("box").path / "cur", stage)


def link_folder(stage, account):
    for sub in ("cur", "new", "tmp"):
        (stage.outside / "folder" / sub).mkdir(parents=True, exist_ok=True)
    (stage.outside / "folder" / "cur" / "1.precious.host:2,S").write_bytes(_precious(stage).read_bytes())
    (account.maildir / "planted").symlink_to(stage.outside / "folder")


def _replace(path, stage):
    elsewhere = stage.outside / path.name
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "1.precious.host:2,S").write_bytes(_precious(stage).read_bytes())
    shutil.rmtree(path)
    path.symlink_to(elsewhere)


def fifo_for_keywords(_stage, account):
    os.mkfifo(account.tree.folder("box").path / "dovecot-keywords")


def link_for_keywords(stage, account):
    (account.tree.folder("box").path / "dovecot-keywords").symlink_to(_precious(stage))


def fifo_for_subscriptions(_stage, account):
    os.mkfifo(account.maildir / "subscriptions")


def link_for_subscriptions(stage, account):
    (account.maildir / "subscriptions").symlink_to(_precious(stage))


def files_in_the_maildir(stage):
    """A symbolic link, a FIFO, a device, a directory where a message would be."""
    planted(stage, link_to_file, link_to_nothing, fifo, device, directory)


def folders_in_the_maildir(stage):
    """A symbolic link where a folder, its cur/ or its tmp/ would be."""
    planted(stage, link_tmp, link_cur, link_folder)


def files_beside_the_mail(stage):
    """A FIFO or a symbolic link where a file of Dovecot would be."""
    planted(stage, fifo_for_keywords, link_for_keywords, fifo_for_subscriptions, link_for_subscriptions)


# The folders around it

def state_for_all(stage):
    """A state directory that others can write to, a link in it, a configuration that others can write to."""
    server = stage.scripted(lambda talk: talk.serve({}))
    account = stage.account(settings=stage.endpoint(server))
    for mode in (0o777, 0o770, 0o702):
        account.state.chmod(mode)
        result, _ = stage.once(account)
        stage.check(result.status == 1 and "chmod 700" in result.err, f"a state directory of mode {mode:o}: {result}")
    account.state.chmod(0o700)
    (account.state / "lock").symlink_to(stage.outside / "made by us")
    result, _ = stage.once(account)
    stage.check(result.status == 1, f"a lock that is a link: {result}")
    (account.state / "lock").unlink()
    account.config.chmod(0o602)
    result, _ = stage.once(account)
    stage.check(result.status == 2 and "can write to this file" in result.err, f"a configuration of mode 602: {result}")
    stage.check(not server.heard(), f"nothing may be said then: {server.heard()}")
    stage.check(sorted(os.listdir(stage.outside)) == ["precious"], "a file was made outside")


ATTACKS = [files_in_the_maildir, folders_in_the_maildir, files_beside_the_mail, state_for_all]
