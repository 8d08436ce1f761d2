"""A network of two ends, where every byte and packet between program and server is counted.

The program runs in a network namespace, the server outside; the kernel counts on the veth pair
between them. IPv6 is off and the neighbours are fixed, so that nothing but the TCP connections is
counted. Bytes are those of IP: Ethernet's 14 a packet are taken off, as in the InterIMAP benchmark.
A packet is what a wire would carry, 1500 bytes at most: left alone, the kernel hands 64 kB over as one.

DelayedLink is as far away as one likes: two TUN devices with a process between them that keeps each
packet for half a round trip, the SYN as well, because not every kernel has netem.
"""

import collections
import os
import pathlib
import select
import subprocess
import sys

from rig import wait_until

Traffic = collections.namedtuple("Traffic", "bytes_in bytes_out packets_in packets_out")

ETHERNET_HEADER = 14


def _ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def is_possible():
    """May this process make a namespace and a veth pair?"""
    if os.getuid() != 0:
        return False
    try:
        with Link():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


class Link:
    """with Link() as link: link.prefix runs a command inside; the server listens on link.address."""

    number = 0
    header = ETHERNET_HEADER  # of a packet, which is not counted

    def __init__(self):
        Link.number += 1
        tail = f"{os.getpid() % 100000}n{Link.number}"
        self.namespace, self.outer, self.inner = "is" + tail, "ov" + tail, "iv" + tail
        # 198.18.0.0/15 is for benchmarks (RFC 2544): a network of four addresses for each link.
        base = (os.getpid() * 7 + Link.number) % 0x7000 * 4
        self.address, self.peer = (f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
                                   for n in (base + 1, base + 2))
        self.prefix = ["ip", "netns", "exec", self.namespace]

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def _make(self):
        _ip("netns", "add", self.namespace)
        self._make_devices()

    def _make_devices(self):
        _ip("link", "add", self.outer, "type", "veth", "peer", "name", self.inner)
        self._no_ipv6([])
        _ip("link", "set", self.inner, "netns", self.namespace)
        inside = ("-n", self.namespace)
        self._no_ipv6(self.prefix)
        _ip("addr", "add", self.address + "/30", "dev", self.outer)
        _ip(*inside, "addr", "add", self.peer + "/30", "dev", self.inner)
        _ip("link", "set", self.outer, "gso_max_segs", "1", "arp", "off", "up")
        _ip(*inside, "link", "set", self.inner, "gso_max_segs", "1", "arp", "off", "up")
        _ip(*inside, "link", "set", "lo", "up")
        inner_mac = subprocess.run(
            [*self.prefix, "cat", f"/sys/class/net/{self.inner}/address"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        outer_mac = pathlib.Path(f"/sys/class/net/{self.outer}/address").read_text().strip()
        _ip("neigh", "replace", self.peer, "lladdr", inner_mac, "dev", self.outer, "nud", "permanent")
        _ip(*inside, "neigh", "replace", self.address, "lladdr", outer_mac, "dev", self.inner,
            "nud", "permanent")

    def syns(self):
        """When connections have begun since the last look, where that is known."""
        return []

    def _no_ipv6(self, prefix):
        """Before the interface comes up: no router solicitation, no multicast report."""
        name = self.inner if prefix else self.outer
        path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
        script = f"[ ! -e {path} ] || echo 1 >{path}"
        subprocess.run([*prefix, "sh", "-c", script], check=True, stdin=subprocess.DEVNULL)

    def close(self):
        for words in (("link", "del", self.outer), ("netns", "del", self.namespace)):
            try:
                _ip(*words)
            except subprocess.CalledProcessError:
                pass

    def __exit__(self, *_):
        self.close()

    def count(self):
        """All that has crossed the link, with the headers of packets."""
        # What the outer end sends, the program receives.
        folder = pathlib.Path(f"/sys/class/net/{self.outer}/statistics")
        names = ("tx_bytes", "rx_bytes", "tx_packets", "rx_packets")
        return Traffic(*(int((folder / name).read_text()) for name in names))

    def traffic(self, run):
        """What crosses the link while run() runs, to its last packet."""
        before = self.count()
        run()
        return self.since(before)

    def since(self, before):
        """What has crossed the link since before, a value of count(), to the last packet."""
        last = [None]

        def is_still():
            previous, last[0] = last[0], self.count()
            return previous == last[0]

        wait_until(is_still, "the last packet passes", deadline=5, interval=0.2)
        delta = Traffic(*(b - a for a, b in zip(before, last[0])))
        return delta._replace(
            bytes_in=delta.bytes_in - self.header * delta.packets_in,
            bytes_out=delta.bytes_out - self.header * delta.packets_out,
        )


class DelayedLink(Link):
    """A round trip of so many seconds between both ends."""

    header = 0  # of IP itself

    def __init__(self, round_trip):
        super().__init__()
        self.round_trip = round_trip
        self.carrier = None

    def _make_devices(self):
        words = [sys.executable, "-m", "rig.delay", self.outer, self.inner, str(self.round_trip / 2)]
        self.carrier = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        if self.carrier.stdout.readline() != b"ready\n":
            raise OSError("there are no TUN devices")
        _ip("link", "set", self.inner, "netns", self.namespace)
        for inside, prefix, device, own, other in (
            ((), [], self.outer, self.address, self.peer),
            (("-n", self.namespace), self.prefix, self.inner, self.peer, self.address),
        ):
            self._no_ipv6(prefix)
            _ip(*inside, "addr", "add", own, "peer", other, "dev", device)
            _ip(*inside, "link", "set", device, "up")
        _ip("-n", self.namespace, "link", "set", "lo", "up")

    def syns(self):
        found = []
        while select.select([self.carrier.stdout], [], [], 0)[0]:
            found.append(float(self.carrier.stdout.readline()))
        return found

    def close(self):
        if self.carrier:
            self.carrier.stdin.close()  # its devices end with it
            self.carrier.wait()
            self.carrier = None
        super().close()
