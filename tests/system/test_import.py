"""Coming from OfflineIMAP and InterIMAP: what they have synchronised is taken over as it is."""

import pathlib
import random
import unittest

from rig import case, importing, others, outward, populate
from rig.importing import BOXES, MESSAGES


class FromOfflineImap(importing.FromMaildir):
    kind = others.OfflineImap

    def test_interrupted(self):
        self.program.sync()
        others.tear(self.program.status("INBOX"))
        self.make_account()
        before = self.program.stamp()
        self.assertRegex(self.import_(status=1).err, "INBOX.*offlineimap -o")
        self.assertEqual(self.program.stamp(), before)
        self.assert_nothing_written()
        self.program.sync()
        self.import_()
        self.once(self.acc)
        self.assert_equal()

    def test_killed(self):
        """In the middle of the first synchronisation: what it has is paired, the rest is fetched."""
        self.proxy.stall = 30_000
        self.program.interrupt(lambda: self.proxy.down >= 30_000 and list(self.program.mail.glob("*/*/*U=*")))
        self.proxy.stall = None
        self.make_account()
        journals = list(self.program.home.glob(".offlineimap/**/*-journal"))
        if any(path.stat().st_size for path in journals):
            self.import_(status=1)
            self.program.sync()
        self.import_()
        self.once(self.acc)
        remote = self.assert_equal()
        self.assertEqual([len(remote[name]) for name in BOXES], [MESSAGES] * 3)

    def test_two_files_with_one_number(self):
        """Nobody guesses: they are compared with what the server has."""
        self.move_with_number()
        self.assertIn("two files of Sent have the same number", self.import_().out)
        self.once(self.acc, status=1)  # INBOX lacks one: that is held
        remote, local = self.sides()
        self.assertEqual(sorted(remote["Sent"]), sorted(local["Sent"]))
        self.assertEqual((len(remote["Sent"]), len(remote["INBOX"])), (MESSAGES + 1, MESSAGES))

    def test_another_uidvalidity(self):
        """The server has numbered anew since the import: all is compared, and nothing comes twice."""
        self.program.sync()
        self.make_account()
        self.import_()
        self.other.select("Sent")
        bodies = [row[b"BODY[]"] for row in self.other.fetch("1:*", "BODY.PEEK[]").values()]
        self.other.select("INBOX")
        self.other.delete("Sent")
        self.other.create("Sent")
        self.other.append_many("Sent", [(body, [], populate.date(random.Random(1))) for body in bodies])
        self.once(self.acc)
        remote = self.assert_equal()
        self.assertEqual(len(remote["Sent"]), MESSAGES)

    def test_one_way(self):
        """What is readonly stays as it is."""
        self.program.config.write_text(self.program.config.read_text() + "readonly = True\n")
        self.check_pull()

    def test_the_other_way(self):
        self.program.sync()
        text = self.program.config.read_text().replace("type = Maildir\n", "type = Maildir\nreadonly = True\n")
        self.program.config.write_text(text)
        self.check_push()

    def test_dots_in_folders(self):
        """list/archive is the folder list.archive: left out, and after a rename taken along."""
        self.program.sep = "."
        self.program.configure()
        self.program.sync()
        self.make_account()
        self.assertIn("list/archive is left out", self.import_("--dry-run").out)
        (self.program.mail / "list").mkdir()
        (self.program.mail / "list.archive").rename(self.program.mail / "list" / "archive")
        self.assertNotIn("left out", self.import_().out)
        self.assertNotRegex(self.once(self.acc, "-v", "-v").err, r"C: .*BODY")
        self.assert_equal()


class FromInterImap(importing.ImportTest):
    kind = others.InterImap

    def make(self, home):
        self.local_server = self.server(name="local")
        return self.kind(home, self.proxy.port, self.local_server)

    def local_side(self):
        with self.local_server.session("bob") as session:
            found = {}
            for name in session.mailboxes():
                session.select(name, examine=True)
                rows = session.fetch("1:*", "FLAGS BODY.PEEK[]") if session.uids() else {}
                found[name] = [self.row(row[b"BODY[]"], [f.decode() for f in row[b"FLAGS"]])
                               for row in rows.values()]
            return found

    def test_all(self):
        """New flags travel, a deletion is held, no body is fetched."""
        self.program.sync()
        self.make_account("interimap")
        self.other.select("INBOX")
        self.other.store(self.other.uids()[0], "+", ["\\Flagged"])
        self.other.select("Sent")
        self.other.expunge(self.other.uids()[0])
        self.assertRegex(self.import_().out, rf"(?m)^ *{MESSAGES * len(BOXES)} messages taken over")
        result = self.once(self.acc, "-v", "-v", status=1)
        self.assertNotRegex(result.err, r"C: .*(BODY|RFC822|ENVELOPE|INTERNALDATE)")
        remote, local = self.sides()
        self.assertEqual(sorted(remote["INBOX"]), sorted(local["INBOX"]))
        self.assertEqual((len(remote["Sent"]), len(local["Sent"])), (MESSAGES - 1, MESSAGES))

    def test_through_a_proxy(self):
        """By the same proxy, which is asked for the same name."""
        name, port = "imap.example.org", self.proxy.port
        with outward.Socks5({name: ("127.0.0.1", port)}, login=("me", "hush%41")) as way:
            text = self.program.config.read_text().replace("host = 127.0.0.1\n", f"host = {name}\n")
            self.program.config.write_text(text + f"proxy = {way.url('me:hush%41').replace('socks5', 'socks5h')}\n")
            self.program.sync()
            self.make_account("interimap")
            self.import_()
            n_asked = len(way.asked)
            self.once(self.acc)
            self.assertGreater(len(way.asked), n_asked)
            self.assertEqual(set(way.asked), {("name", name, port)})
        self.assert_equal()

    def test_interrupted(self):
        self.program.sync()
        others.tear(self.program.database)
        self.make_account("interimap")
        self.assertRegex(self.import_(status=1).err, "Run interimap once")
        self.assert_nothing_written()
        self.program.sync()
        self.import_()
        self.once(self.acc)
        self.assert_equal()


class Refused(case.SystemTest):
    """What cannot be read: a sentence, with its line, and nothing is written."""

    def check(self, program, text, sentence):
        acc = self.account()
        acc.config.unlink()
        rc = pathlib.Path(acc.directory) / "rc"
        rc.write_text(text)
        result = acc.run([case.IMAPSYNCD.parents[1] / "ctl" / "imapsyncctl", "import", program, "--from", rc,
                          "--config", acc.config, "--state-dir", acc.state])
        self.assertEqual(result.status, 1, str(result))
        self.assertRegex(result.err, sentence)
        self.assertFalse(acc.config.exists())
        self.assertEqual(list(acc.state.iterdir()), [])

    def test_mbsync(self):
        store = "IMAPStore r\nHost h\nUser u\nPass p\n\n"
        near = "MaildirStore l\nPath /nowhere/Mail/\nInbox /nowhere/Mail/INBOX\n%s\n\n"
        channel = "Channel c\nFar :r:\nNear :l:\nPatterns *\n"
        self.check("mbsync", 'Channel "c\n', r"rc:1: ")
        self.check("mbsync", "\n", "has no channel")
        self.check("mbsync", store + near % "" + channel, "/nowhere/Mail cannot be read")
        self.check("mbsync", store + near % "AltMap yes" + channel, r"rc:9: .*mdconvert")
        self.check("mbsync", store + near % "SubFolders Legacy" + channel, r"rc:9: .*Legacy")
        self.check("mbsync", store + near % "Flatten ." + channel, r"rc:9: Flatten")
        self.check("mbsync", store + (near % "").replace("Mail/INBOX", "inbox") + channel, r"rc:8: INBOX is in")
        self.check("mbsync", store.replace("Pass p", "UserCmd x") + near % "" + channel, r"rc:1: .*Pass")

    def test_offlineimap(self):
        text = ("[general]\naccounts = a\n[Account a]\nlocalrepository = l\nremoterepository = r\n"
                "[Repository l]\ntype = Maildir\nlocalfolders = /nowhere\n"
                "[Repository r]\ntype = IMAP\nremotehost = h\nremoteuser = u\nremotepass = p\n")
        self.check("offlineimap", text, "/nowhere cannot be read")
        self.check("offlineimap", text + "nametrans = lambda f: f\n", r"rc:14: nametrans")
        self.check("offlineimap", text + "sync_deletes = no\n", r"rc:14: sync_deletes")
        both = text.replace("[Repository l]\n", "[Repository l]\nreadonly = yes\n") + "readonly = yes\n"
        self.check("offlineimap", both, r"rc:15: both repositories are readonly")
        self.check("offlineimap", "nonsense\n", r"rc:1: ")
        self.check("offlineimap", "[general]\n", "names no accounts")

    def test_interimap(self):
        self.check("interimap", "database = none.db\n[local]\ntype = tunnel\ncommand = true\n[remote]\n"
                                "type = tunnel\ncommand = true\n", "none.db cannot be read")


if __name__ == "__main__":
    unittest.main()
