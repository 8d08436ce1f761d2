"""notmuch, mu, aerc, mutt and neomutt at work on the Maildir while the daemon runs: read, flag, move, refile, delete."""

from rig import case, programs, wait_until

SUBJECTS = ["read-me", "flag-me", "move-me", "refile-me", "delete-me", "keep-me"]
MESSAGE = ("From: Alice <alice@example.org>\r\nTo: Me <me@example.org>\r\nSubject: {subject}\r\n"
           "Date: Mon, 23 Nov 2026 10:{minute:02}:00 +0000\r\nMessage-ID: <{subject}@example.org>\r\n"
           "Content-Type: text/plain; charset=utf-8\r\n\r\nbody of {subject}\r\n")


class Programs(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.remote = self.session(self.dovecot)
        self.remote.create("Archive")

    def append(self, subject):
        message = MESSAGE.format(subject=subject, minute=len(subject))
        self.remote.append("INBOX", message.encode())

    def state(self):
        """{(mailbox, subject): flags} on the server."""
        found = {}
        for mailbox in ("INBOX", "Archive"):
            with self.dovecot.session("alice") as session:
                session.select(mailbox, examine=True)
                for row in session.fetch("1:*", "FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]").values():
                    text = next(value for name, value in row.items() if name.startswith(b"BODY"))
                    if text is None:  # expunged meanwhile
                        continue
                    subject = bytes(text).decode().partition(":")[2].strip()
                    flags = {bytes(flag).decode() for flag in row[b"FLAGS"]} - {"\\Recent"}
                    found[mailbox, subject] = flags
        return found

    def check(self, kind):
        """The program learns of mail by the daemon, works, and the server has it all; then the other way."""
        if not programs.have(*kind.packages):
            self.skipTest(f"needs {' '.join(kind.packages)}")
        self.account_ = self.account(self.dovecot, settings={"hook-delay": "100ms", "on-change": kind.hook})
        self.program = kind(self.account_)
        self.program.set_up()
        self.daemon = self.enterContext(self.account_.daemon())
        self.daemon.wait_in_sync()
        for subject in SUBJECTS:
            self.append(subject)
        self.wait_for_files(len(SUBJECTS))
        for subject in SUBJECTS:
            wait_until(lambda: self.program.knows(subject), f"it knows {subject}", interval=0.1)
        self.program.work()
        self.check_server()

        self.append("later")
        self.wait_for_files(4)
        wait_until(lambda: self.program.knows("later"), "it knows what came later", interval=0.1)
        self.daemon.wait_in_sync()
        self.assert_equal_sides(self.account_, self.dovecot)
        self.assertEqual(self.account_.ctl_json("status")[0]["warning"], "")

    def wait_for_files(self, count):
        wait_until(lambda: len(self.account_.tree.folder("INBOX").files()) == count, f"{count} messages are here")

    def check_server(self):
        names = {("INBOX", "read-me"), ("INBOX", "flag-me"), ("INBOX", "keep-me"), ("Archive", "move-me"),
                 ("Archive", "refile-me")}

        def is_there():
            state = self.state()
            return (set(state) == names and "\\Seen" in state["INBOX", "read-me"] and
                    "\\Flagged" in state["INBOX", "flag-me"])

        try:
            wait_until(is_there, "the server has it", interval=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.state()}") from None
        self.assertEqual(self.state()["INBOX", "keep-me"] - {"\\Seen"}, set())

    def test_mutt(self):
        self.check(programs.Mutt)

    def test_neomutt(self):
        self.check(programs.Neomutt)

    def test_aerc(self):
        self.check(programs.Aerc)

    def test_notmuch(self):
        self.check(programs.Notmuch)

    def test_mu(self):
        self.check(programs.Mu)
