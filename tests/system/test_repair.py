"""State that cannot be trusted: paired anew, only what is missing travels, and nothing is deleted."""

import re
import shutil

from rig import SANITIZED, case, compare, number, populate, proxy

MESSAGES = min(number("MESSAGES", 300), 10_000)
# Both ways, with COMPRESS: what it takes to tell all messages of both sides from each other.
BYTES = 150 * MESSAGES + 8000
MEMORY = 14 * 1024  # kB


class Repair(case.SystemTest):
    """One mailbox, in sync; then something is lost, and the daemon runs once more."""

    def in_sync(self, store="maildir", **options):
        self.dovecot = self.server(store, **options)
        populate.fill_small(self.session(self.dovecot), "INBOX", MESSAGES)
        self.proxy = self.enterContext(proxy.Proxy(self.dovecot.host, self.dovecot.imap_port))
        self.acc = self.account(self.dovecot, tls="none", settings={
            "host": self.proxy.host, "port": self.proxy.port,
        })
        self.once(self.acc, timeout=600)
        self.once(self.acc)
        return self.acc

    def stop_server(self):
        self.dovecot.stop()

    def run_daemon(self, bodies, up=0):
        """Until all is in sync. So many bodies come down, and so many go up."""
        bytes_before = self.proxy.down + self.proxy.up
        with self.acc.daemon("-vv") as daemon:
            daemon.wait_in_sync(timeout=600)
            memory = daemon.status_field("VmHWM")
        log = daemon.log()
        spent = self.proxy.down + self.proxy.up - bytes_before
        print(f"  {self.id().rpartition('.')[2]}: {MESSAGES} messages, {spent} B both ways"
              f" ({spent / MESSAGES:.0f} B each), {memory} kB", flush=True)
        self.assertEqual(len(re.findall(r"BODY\[\] \{\d+\}", log)), bodies, "bodies from the server")
        self.assertEqual(len(re.findall(r" APPEND ", log)), up, "uploads")
        self.assertLessEqual(spent, BYTES)
        if not SANITIZED:
            self.assertLessEqual(memory, MEMORY)
        daemon.log_path.unlink()
        return self.assert_equal_sides(self.acc, self.dovecot)

    def check_all_there(self, remote, count=MESSAGES):
        self.assertEqual(len(remote["INBOX"]), count)
        self.assertEqual(len({row.digest for row in remote["INBOX"]}), count)

    def inodes(self):
        return {path.stat().st_ino for path in self.acc.tree.folder("INBOX").files()}

    def delete_local(self, n=1):
        for path in self.acc.tree.folder("INBOX").files()[:n]:
            path.unlink()


class Server(Repair):
    def remove(self, pattern):
        self.stop_server()
        for path in self.dovecot.mail_directory().rglob("dovecot*"):
            if re.match(pattern, path.name):
                path.unlink()
        self.dovecot.start()

    def test_uidvalidity(self):
        self.in_sync("mdbox")
        inodes = self.inodes()
        self.dovecot.doveadm("mailbox", "update", "-u", "alice", "--uid-validity", "4000000000", "INBOX")
        self.check_all_there(self.run_daemon(bodies=0))
        self.assertEqual(self.inodes(), inodes)

    def test_uidvalidity_and_a_deletion(self):
        """What vanished meanwhile is not deleted either: it is fetched again."""
        self.in_sync("mdbox")
        self.dovecot.doveadm("mailbox", "update", "-u", "alice", "--uid-validity", "4000000000", "INBOX")
        self.delete_local(2)
        self.check_all_there(self.run_daemon(bodies=2))

    def test_uidvalidity_and_news(self):
        self.in_sync("mdbox")
        self.dovecot.doveadm("mailbox", "update", "-u", "alice", "--uid-validity", "4000000000", "INBOX")
        self.session(self.dovecot).append("INBOX", b"Message-ID: <new@remote>\r\n\r\nnew\r\n")
        self.acc.tree.folder("INBOX").deliver(b"Message-ID: <new@local>\r\n\r\nnew\r\n", "1700.a.host")
        self.check_all_there(self.run_daemon(bodies=1, up=1), MESSAGES + 2)

    def test_index_lost(self):
        """The modseqs begin anew under the same UIDVALIDITY."""
        self.in_sync()
        inodes = self.inodes()
        with self.dovecot.session() as session:
            session.select("INBOX")
            session.store("1:9", "+", ["\\Flagged"])
        self.once(self.acc)
        self.remove(r"dovecot\.index")
        self.check_all_there(self.run_daemon(bodies=0))
        self.assertEqual(self.inodes(), inodes)

    def test_renumbered(self):
        """And all UIDs are others."""
        self.in_sync()
        inodes = self.inodes()
        self.remove(r"dovecot(\.index|-uidlist)")
        self.check_all_there(self.run_daemon(bodies=0))
        self.assertEqual(self.inodes(), inodes)


class Database(Repair):
    def test_lost(self):
        self.in_sync("mdbox")
        inodes = self.inodes()
        shutil.rmtree(self.acc.state)
        self.acc.state.mkdir(mode=0o700)
        self.check_all_there(self.run_daemon(bodies=0))
        self.assertEqual(self.inodes(), inodes)

    def test_lost_and_a_deletion(self):
        self.in_sync("mdbox")
        shutil.rmtree(self.acc.state)
        self.acc.state.mkdir(mode=0o700)
        self.delete_local(2)
        self.check_all_there(self.run_daemon(bodies=2))

    def test_older(self):
        """Deleted, changed and come since: all of that is so on both sides, and stays so."""
        self.in_sync("mdbox")
        copy = self.directory / "copy of the state"
        shutil.copytree(self.acc.state, copy)
        with self.dovecot.session() as session:
            session.select("INBOX")
            session.store("3:9", "+", ["\\Flagged"])
            session.expunge("1:2")
        self.acc.tree.folder("INBOX").deliver(b"Message-ID: <new@local>\r\n\r\nnew\r\n", "1700.a.host")
        self.session(self.dovecot).append("INBOX", b"Message-ID: <new@remote>\r\n\r\nnew\r\n")
        self.once(self.acc)
        before = self.assert_equal_sides(self.acc, self.dovecot)
        inodes = self.inodes()
        shutil.rmtree(self.acc.state)
        shutil.copytree(copy, self.acc.state)
        after = self.run_daemon(bodies=0)
        self.check_all_there(after)
        self.assertEqual(compare.counts(after), compare.counts(before))
        self.assertEqual(self.inodes(), inodes)


class Local(Repair):
    def test_older_maildir(self):
        """Put back from a backup: what it lacks is fetched again and not deleted on the server; what was
        deleted since is there again."""
        self.in_sync("mdbox")
        copy = self.directory / "copy of the mail"
        shutil.copytree(self.acc.maildir, copy, symlinks=True)
        session = self.session(self.dovecot)
        for n in range(3):
            session.append("INBOX", b"Message-ID: <new%d@remote>\r\n\r\nnew\r\n" % n)
        session.select("INBOX")
        session.expunge("1")
        self.once(self.acc)
        shutil.rmtree(self.acc.maildir)
        shutil.copytree(copy, self.acc.maildir, symlinks=True)
        self.check_all_there(self.run_daemon(bodies=3, up=1), MESSAGES + 3)

    def test_copied_maildir(self):
        """The same mail in other directories, as after a move to another disk: nothing to do."""
        self.in_sync("mdbox")
        copy = self.directory / "copy of the mail"
        shutil.copytree(self.acc.maildir, copy, symlinks=True)
        shutil.rmtree(self.acc.maildir)
        copy.rename(self.acc.maildir)
        self.check_all_there(self.run_daemon(bodies=0))
