"""New mail on the desktop: sender, subject, how many, and no harm where there is no desktop."""

import unittest

from rig import bus, case, desktop, wait_until

MESSAGE = "From: {sender}\r\nSubject: {subject}\r\nMessage-ID: <{key}@example.org>\r\n\r\nHello.\r\n"


@unittest.skipUnless(bus.is_possible(), "needs python3-dbusmock")
class Notifications(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.remote = self.session(self.dovecot)
        self.count = 0

    def desktop(self, **options):
        self.desktop_ = self.enterContext(desktop.Desktop(self.directory, **options))
        return self.desktop_

    def start(self, **settings):
        self.account_ = self.account(self.dovecot)
        self.append()
        self.once(self.account_)
        self.account_.settings |= {"notify": "yes"} | {k.replace("_", "-"): text for k, text in settings.items()}
        self.account_.write_config()
        self.account_.variables = self.desktop_.session_variables
        self.daemon = self.enterContext(self.account_.daemon())
        self.daemon.wait_in_sync()

    def append(self, sender="Alice <alice@example.org>", subject="Lunch", mailbox="INBOX", flags=()):
        self.count += 1
        message = MESSAGE.format(sender=sender, subject=subject, key=self.count)
        self.remote.append(mailbox, message.encode(), flags)

    def wait_for(self, expected):
        """The last notification is this one: (replaced, summary, body)."""
        wait_until(lambda: expected in self.desktop_.notifications()[-1:] or None, f"{expected} is shown",
                   interval=0.1)

    def finish(self):
        self.daemon.wait_in_sync()
        self.assertEqual(len(self.assert_equal_sides(self.account_, self.dovecot)["INBOX"]), self.count)

    def test_one_then_more(self):
        """Sender and subject; what comes while it stands replaces it; after it was closed it begins anew."""
        self.desktop().show()
        self.start()
        self.assertEqual(self.desktop_.notifications(), [])
        self.append("=?UTF-8?Q?J=C3=BCrgen?= <j@example.org>", "=?ISO-8859-1?Q?Gr=FC=DFe?= & <b>bold</b>")
        self.wait_for((0, "Jürgen", "Grüße &amp; &lt;b&gt;bold&lt;/b&gt;"))
        self.append("Bob <bob@example.org>", "=?KOI8-R?B?8NLJ18XU?=")
        self.wait_for((7, "2 new messages (test)",
                       "Bob: Привет\nJürgen: Grüße &amp; &lt;b&gt;bold&lt;/b&gt;"))
        self.desktop_.close(7)
        self.append("Carol <carol@example.org>", "Again")
        self.wait_for((0, "Carol", "Again"))
        self.finish()

    def test_plain_body(self):
        """A desktop without markup gets none."""
        self.desktop(capabilities=["body"]).show()
        self.start()
        self.append(subject="a < b & c")
        self.wait_for((0, "Alice", "a < b & c"))

    def test_seen_and_elsewhere(self):
        """What was read already, or is not in INBOX, is not shown."""
        self.desktop().show()
        self.remote.create("list")
        self.start()
        self.append(flags=["\\Seen"])
        self.append(mailbox="list")
        self.daemon.wait_in_sync()
        self.append(subject="This one")
        self.wait_for((0, "Alice", "This one"))
        self.assertEqual(len(self.desktop_.notifications()), 1)

    def test_mailboxes(self):
        self.desktop().show()
        self.remote.create("list")
        self.start(notify_mailboxes="list")
        self.append(subject="Not this")
        self.append(subject="This", mailbox="list")
        self.wait_for((0, "Alice", "This"))
        self.assertEqual(len(self.desktop_.notifications()), 1)

    def test_many(self):
        """One notification for all that comes together, with the newest of them."""
        self.desktop().show()
        self.start()
        for n in range(40):
            self.append(subject=f"number {n}")
        wait_until(lambda: any(summary == "40 new messages (test)" for _, summary, _ in
                               self.desktop_.notifications()), "all are counted", interval=0.1)
        self.assertLess(len(self.desktop_.notifications()), 20)
        self.assertLessEqual(len(self.desktop_.notifications()[-1][2].splitlines()), 5)
        self.finish()

    def test_nobody_there(self):
        """No service, then one, then no bus: mail goes on, and what can be shown is."""
        self.desktop()
        self.start()
        self.append()
        wait_until(lambda: "new mail cannot be shown on the desktop" in self.daemon.log(), "it says so")
        self.append()
        self.finish()
        self.assertEqual(self.daemon.log().count("new mail cannot be shown"), 1)
        self.desktop_.show()
        self.append(subject="Now")
        # Whether the one before was told of by then, or is shown with it, is for the clock to say.
        wait_until(lambda: any("Now" in body for _, _, body in self.desktop_.notifications()[-1:]), "it is shown",
                   interval=0.1)
        self.desktop_.end()
        self.append(subject="Nobody")
        self.finish()

    def test_no_bus(self):
        self.desktop()
        self.desktop_.end()
        self.start()
        self.append()
        wait_until(lambda: "new mail cannot be shown on the desktop" in self.daemon.log(), "it says so")
        self.finish()

    def test_off(self):
        """Nothing is said unless it was asked for."""
        self.desktop().show()
        self.start(notify="no", notify_mailboxes="*")
        self.append()
        self.finish()
        self.assertEqual(self.desktop_.notifications(), [])
