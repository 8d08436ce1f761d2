"""What nothing-to-do costs on the wire, counted as the InterIMAP benchmark counts it."""

import unittest

from rig import SANITIZED, case, netns, number, populate

MESSAGES = sorted({100, number("MESSAGES", 10_000)})

# mailboxes: bytes in, bytes out, packets in, packets out, with IP and TCP headers, without TLS
LIMITS = {1: (1250, 540, 7, 7), 75: (1850, 620, 9, 9)}


@unittest.skipIf(SANITIZED, "bytes do not depend on the build")
@unittest.skipUnless(netns.is_possible(), "no network namespaces here")
class Traffic(case.SystemTest):
    def check(self, mailboxes, messages):
        with netns.Link() as link:
            server = self.server("mdbox", f"server{messages}", addresses=("127.0.0.1", link.address))
            session = self.session(server)
            names = populate.plain_names(mailboxes)
            if messages <= 100:
                populate.fill(session, names, messages)
            else:
                for name in names[1:]:
                    session.create(name)
                # The sum is what grows: all in one, some in the others.
                populate.fill_small(session, "INBOX", messages)
                for name in names[1:]:
                    populate.fill_small(session, name, 20, seed=2)
            account = self.account(server, f"account{messages}", tls="none", settings={
                "host": link.address, "port": server.imap_port, "allow-cleartext": "yes",
            })
            account.prefix = link.prefix
            self.once(account, timeout=600)
            self.once(account)
            for _ in range(3):
                over = self.measure(link, account, mailboxes, messages)
                if not over:
                    break
            self.assertEqual(over, [])

    def measure(self, link, account, mailboxes, messages):
        """What is over its limit. A server that happens to answer in two pieces costs two packets more,
        so that it is asked again."""
        results = []
        traffic = link.traffic(lambda: results.append(self.once(account)))
        print(f"  {mailboxes} mailboxes, {messages} messages: {traffic.bytes_in} / {traffic.bytes_out} B,"
              f" {traffic.packets_in} / {traffic.packets_out} packets (in / out),"
              f" {results[0].seconds * 1000:.0f} ms", flush=True)
        return [f"{what}: {value}, not {limit}"
                for value, limit, what in zip(traffic, LIMITS[mailboxes], traffic._fields) if value > limit]

    def test_one_mailbox(self):
        for messages in MESSAGES:
            with self.subTest(messages=messages):
                self.check(1, messages)

    def test_75_mailboxes(self):
        for messages in MESSAGES:
            with self.subTest(messages=messages):
                self.check(75, messages)
