"""bandwidth: what is read in a second, with and without TLS; and what the limit does not do."""

import time

from rig import case

SIZE = 60_000
COUNT = 20
RATE = 200_000


class Bandwidth(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.session = self.session(self.dovecot)
        for n in range(COUNT):
            body = b"Message-ID: <%d@bandwidth>\r\n\r\n" % n + b"%d words\r\n" % n * (SIZE // 9)
            self.session.append("INBOX", body)

    def limited(self, name, tls):
        settings = {"bandwidth": f"{RATE // 1000}kB/s", "disable-extensions": "COMPRESS=DEFLATE",
                    "timeout": "5s"}
        return self.account(self.dovecot, name=name, tls=tls, settings=settings)

    def test_limit(self):
        """No more than the rate and what is under way in the kernel; less only costs time. The daemon
        sleeps meanwhile, and its answers are not overdue."""
        for tls in ("none", "implicit", "starttls"):
            with self.subTest(tls):
                account = self.limited(f"with-{tls}", tls)
                with account.daemon() as daemon:
                    daemon.wait_ready()
                    start = time.monotonic()
                    daemon.wait_in_sync()
                    seconds = time.monotonic() - start
                    traffic = account.ctl_json("status")[0]["bytes_in"]
                    turns = daemon.status_field("voluntary_ctxt_switches")
                    print(f"  {tls}: {traffic} B, {turns} turns", flush=True)
                    # A second's worth may have come before the clock was started.
                    self.assertGreater(traffic, COUNT * SIZE)
                    self.assertGreater(seconds, traffic / RATE * 0.8 - 1)
                    self.assertLess(turns, 1000)
                self.assert_equal_sides(account, self.dovecot)

    def test_reload(self):
        """Taken away while a first synchronisation is under way: it goes on without."""
        account = self.limited("account", "implicit")
        account.settings["bandwidth"] = "10kB/s"
        account.write_config()
        with account.daemon() as daemon:
            daemon.wait_ready()
            account.settings["bandwidth"] = "0"
            account.write_config()
            self.assertEqual(account.ctl("reload").status, 0)
            daemon.wait_in_sync(60)  # at 10 kB/s it is two minutes
            self.assert_equal_sides(account, self.dovecot)
