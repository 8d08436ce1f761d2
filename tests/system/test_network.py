"""A network that cuts, stalls and dribbles: what was begun is finished later, nothing is doubled."""

import random

from rig import case, number, populate, proxy, wait_until

CUTS = number("CUTS", 8)
MESSAGES = 8


class Network(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.names = populate.mailbox_names(4)
        populate.fill(self.session(self.dovecot), self.names, MESSAGES, holes=False)

    def through(self, wire, name, tls="implicit"):
        return self.account(self.dovecot, name=name, tls=tls, settings={"port": wire.port, "timeout": "5s"})

    def assert_finished_later(self, account, port):
        account.settings["port"] = port
        account.write_config()
        self.once(account)
        remote = self.assert_equal_sides(account, self.dovecot)
        self.assertEqual({len(rows) for rows in remote.values()}, {MESSAGES})

    def test_cut(self):
        """The connection ends after byte n from the server, each time it is made."""
        rng = random.Random(14)
        cuts = [20, 100, 400, 1000, *(rng.randrange(1000, 60_000) for _ in range(CUTS))]
        for tls, port in (("none", self.dovecot.imap_port), ("implicit", self.dovecot.imaps_port)):
            for cut in cuts:
                with self.subTest(tls=tls, cut=cut):
                    with proxy.Proxy(self.dovecot.host, port, piece=1000, cut=cut, reset=cut % 2 == 0) as bad:
                        account = self.through(bad, f"{tls}{cut}", tls=tls)
                        result = account.once(timeout=90)
                        self.assertIn(result.status, (0, 1), str(result))
                        if result.status == 1:
                            self.assertIn(account.name, result.err)
                    self.assert_finished_later(account, port)

    def test_cut_upload(self):
        """The connection ends after byte n from the client, in the middle of an APPEND or before its OK."""
        rng = random.Random(15)
        with proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port) as good:
            account = self.through(good, "upload")
            self.once(account)
        for n in range(CUTS):
            with self.subTest(n=n):
                folder = account.tree.folder("INBOX")
                for k in range(5):
                    folder.deliver(populate.message(rng, f"up{n}k{k}"), f"17{n:04}{k}.up.host", "")
                cut = rng.randrange(600, 30_000)
                with proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port, cut_up=cut) as bad:
                    account.settings["port"] = bad.port
                    account.write_config()
                    account.once(timeout=90)
                account.settings["port"] = self.dovecot.imaps_port
                account.write_config()
                self.once(account)
                remote = self.assert_equal_sides(account, self.dovecot)
                self.assertEqual(len(remote["INBOX"]), MESSAGES + 5 * (n + 1))

    def test_stall(self):
        """The server falls silent: an end within the time limit, and a sentence."""
        for stall in (0, 200, 5000):
            with self.subTest(stall=stall):
                with proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port, stall=stall) as bad:
                    account = self.through(bad, f"stall{stall}")
                    result = self.once(account, status=1, timeout=60)
                    self.assertIn(account.name, result.err)
                    self.assertLess(result.seconds, 30)
                self.assert_finished_later(account, self.dovecot.imaps_port)

    def test_byte_by_byte(self):
        for tls, port in (("none", self.dovecot.imap_port), ("starttls", self.dovecot.imap_port),
                          ("implicit", self.dovecot.imaps_port)):
            with self.subTest(tls=tls), proxy.Proxy(self.dovecot.host, port, piece=1) as slow:
                account = self.through(slow, f"slow-{tls}", tls=tls)
                self.once(account)
                self.assert_equal_sides(account, self.dovecot)

    def test_daemon_under_cuts(self):
        """Connections are cut again and again while mail comes and goes; the daemon ends up in sync."""
        rng = random.Random(16)
        with proxy.Proxy(self.dovecot.host, self.dovecot.imaps_port) as wire:
            account = self.through(wire, "live")
            session = self.session(self.dovecot)
            with account.daemon() as daemon:
                daemon.wait_in_sync()
                for n in range(5):
                    session.append("INBOX", populate.message(rng, f"down{n}"))
                    folder = account.tree.folder(self.names[1])
                    folder.deliver(populate.message(rng, f"up{n}"), f"17{n}.live.host")
                    before = wire.connections
                    wire.cut_all()
                    wait_until(lambda before=before: wire.connections > before, "it connects again", deadline=60)
                inbox = account.tree.folder("INBOX")
                wait_until(lambda: len(inbox.files()) == MESSAGES + 5, "all mail has arrived", deadline=90)
                daemon.wait_in_sync()
            remote = self.assert_equal_sides(account, self.dovecot)
            self.assertEqual(len(remote[self.names[1]]), MESSAGES + 5)
