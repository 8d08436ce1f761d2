"""The rig by itself: a rig that sees no difference proves nothing."""

import random

from rig import case, compare, imap, maildir, names, populate, wait_until


class Names(case.SystemTest):
    needs_program = False

    def test_round_trip(self):
        for name in populate.ODD_NAMES:
            self.assertEqual(names.decode(names.encode(name)), name)
        # RFC 3501 section 5.1.3
        self.assertEqual(names.encode("~peter/mail/台北/日本語"), b"~peter/mail/&U,BTFw-/&ZeVnLIqe-")

    def test_uid_sets(self):
        self.assertEqual(imap.expand(b"3:5,9"), [3, 4, 5, 9])
        self.assertEqual(imap.uid_set([9, 3, 5, 4]), "3:5,9")


class Server(case.SystemTest):
    needs_program = False

    def check_store(self, store):
        server = self.server(store)
        session = self.session(server)
        boxes = populate.mailbox_names(40)
        populate.fill(session, boxes, 10)
        self.assertEqual(sorted(session.mailboxes()), sorted(boxes))
        capabilities = session.command("CAPABILITY")[0]
        for word in (b"NOTIFY", b"QRESYNC", b"COMPRESS=DEFLATE", b"LITERAL+"):
            self.assertIn(word, capabilities)
        tree = maildir.Tree(self.directory / "copy")
        self.copy(session, tree)
        side = compare.remote(session)
        self.assertEqual(compare.differences(side, compare.local(tree)), [])
        self.assertEqual({len(rows) for rows in side.values()}, {10})
        self.check_differences_are_seen(session, tree)

    def copy(self, session, tree):
        """What a correct program would leave on the local side."""
        for mailbox in session.mailboxes():
            folder = tree.folder(mailbox).create()
            words = {word: chr(ord("a") + n) for n, word in enumerate(populate.KEYWORDS)}
            lines = [f"{n} {word}\n" for n, word in enumerate(populate.KEYWORDS)]
            (folder.path / "dovecot-keywords").write_text("".join(lines))
            session.select(mailbox, examine=True)
            for uid, row in session.fetch("1:*", "FLAGS BODY.PEEK[]").items():
                flags = {f.decode() for f in row[b"FLAGS"]} - {"\\Recent"}
                letters = [maildir.BY_FLAG.get(f.lower()) or words[f] for f in flags]
                folder.deliver(row[b"BODY[]"], f"{uid}.host", "".join(sorted(letters)))

    def check_differences_are_seen(self, session, tree):
        """Each kind of difference once: flag, byte, missing, doubled, mailbox."""
        folder = tree.folder("INBOX")
        one, two, three, four = folder.files()[:4]
        flags = folder.flags(one)
        folder.set_flags(one, flags ^ {"\\Seen"})
        two.write_bytes(two.read_bytes() + b"x")
        three.unlink()
        folder.deliver(four.read_bytes(), "doubled")
        tree.folder("more").create()
        found = compare.differences(compare.remote(session), compare.local(tree))
        self.assertEqual(len([line for line in found if line.startswith("INBOX: ")]), 5, found)
        self.assertIn("more: only local", found)
        self.assertEqual(len(found), 6, found)

    def test_maildir(self):
        self.check_store("maildir")

    def test_mdbox(self):
        self.check_store("mdbox")

    def test_tls(self):
        server = self.server()
        with server.session(tls=True) as session:
            session.append("INBOX", b"Subject: x\r\n\r\n")
        with imap.Session(server.host, server.imap_port) as session:
            session.start_tls(server.tls_context(), "localhost")
            session.command('LOGIN alice "secret"')
            self.assertEqual(len(session.uids() if session.select("INBOX") else []), 1)

    def test_password_and_mask(self):
        server = self.server(capability="IMAP4rev1 UIDPLUS")
        with self.assertRaises(imap.ImapError):
            imap.Session(server.host, server.imap_port, "alice", "wrong")
        words = self.session(server).command("CAPABILITY")[0]
        self.assertEqual(words, [b"CAPABILITY", b"IMAP4rev1", b"UIDPLUS"])

    def test_two_users_and_restart(self):
        server = self.server()
        self.session(server, "alice").append("INBOX", b"Subject: for alice\r\n\r\n")
        server.stop()
        server.start()
        alice, bob = self.session(server, "alice"), self.session(server, "bob")
        alice.select("INBOX")
        bob.select("INBOX")
        self.assertEqual((len(alice.uids()), len(bob.uids())), (1, 0))


class Waiting(case.SystemTest):
    needs_program = False

    def test_deadline(self):
        with self.assertRaisesRegex(AssertionError, "the moon: not within 0.05 s"):
            wait_until(lambda: False, "the moon", deadline=0.05)

    def test_seed(self):
        one = [populate.message(random.Random(7), "x") for _ in range(2)]
        self.assertEqual(one[0], one[1])
