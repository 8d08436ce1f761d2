"""A laptop's network: a namespace that has one of two uplinks, or none, and a server that is far away.

Each uplink is a veth pair with a network of its own, whose outer end is the gateway. The server's address is
on a third pair, so that it is reached through either; names are looked up at that address too, where a
small name server answers, or does not.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import threading

from rig.netns import _ip

NAME = "mail.roaming.example"


class Roaming:
    """with Roaming() as net: net.prefix runs a command inside; the server listens on net.address."""

    number = 0

    def __init__(self):
        Roaming.number += 1
        tail = f"{os.getpid() % 100000}r{Roaming.number}"
        self.namespace = "ir" + tail
        self.prefix = ["ip", "netns", "exec", self.namespace]
        self.etc = pathlib.Path("/etc/netns") / self.namespace
        # Of 198.18.0.0/15 (RFC 2544) the half that rig.netns leaves: three networks of 16 addresses.
        base = (os.getpid() * 5 + Roaming.number) % 0x3FF * 64
        self.base = base
        self.outer = [f"o{n}{tail}" for n in range(3)]
        self.inner = [f"i{n}{tail}" for n in range(3)]
        self.address = self._address(2, 1)
        self.names = None
        self.uplink = None  # the one that it has
        self.own = None  # its address
        self.taken = 0
        self.silent = None  # the address that the gateway has forgotten

    def _address(self, network, host):
        number = self.base + 16 * network + host
        return f"198.19.{number >> 8 & 255}.{number & 255}"

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def _make(self):
        _ip("netns", "add", self.namespace)
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        for n, (outer, inner) in enumerate(zip(self.outer, self.inner)):
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            for name in outer, inner:
                path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
                if path.exists():
                    path.write_text("1")
            _ip("link", "set", inner, "netns", self.namespace)
            _ip("addr", "add", self._address(n, 1) + "/28", "dev", outer)
            _ip("link", "set", outer, "up")
        self.etc.mkdir(parents=True)
        (self.etc / "resolv.conf").write_text(f"nameserver {self.address}\n")
        self.names = NameServer(self.address)

    def take(self, uplink, default=True):
        """This uplink comes up, with an address that was not there before, and is the way out."""
        inside, inner = ("-n", self.namespace), self.inner[uplink]
        self.taken += 1
        self.own = self._address(uplink, 2 + self.taken % 12)
        self.uplink = uplink
        _ip(*inside, "link", "set", inner, "up")
        _ip(*inside, "addr", "add", self.own + "/28", "dev", inner)
        if default:
            _ip(*inside, "route", "add", "default", "via", self._address(uplink, 1), "dev", inner)

    def leave(self):
        """The uplink goes, and its address."""
        if self.uplink is None:
            return
        self.speak()
        inside, inner = ("-n", self.namespace), self.inner[self.uplink]
        _ip(*inside, "link", "set", inner, "down")
        _ip(*inside, "addr", "flush", "dev", inner)
        self.uplink = self.own = None

    def fall_silent(self):
        """The gateway is there, and passes nothing on to us any more. Nobody is told."""
        self.silent = self.own
        _ip("route", "add", "blackhole", self.silent + "/32")

    def speak(self):
        """And again it does."""
        if self.silent:
            _ip("route", "del", "blackhole", self.silent + "/32")
        self.silent = None

    def close(self):
        if self.names:
            self.names.close()
        commands = [("link", "del", outer) for outer in self.outer] + [("netns", "del", self.namespace)]
        if self.silent:
            commands.insert(0, ("route", "del", "blackhole", self.silent + "/32"))
        for words in commands:
            try:
                _ip(*words)
            except subprocess.CalledProcessError:
                pass
        if self.etc.exists():
            shutil.rmtree(self.etc)

    def __exit__(self, *_):
        self.close()


class NameServer:
    """Every name is its own address. answers: or nothing is said. asked: how often it was asked."""

    def __init__(self, address):
        self.address = address
        self.answers = True
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            question, client = self.socket.recvfrom(512)
            if not question:
                return
            self.asked += 1
            if self.answers:
                self.socket.sendto(self._answer(question), client)

    def _answer(self, question):
        """NOERROR with one A, or with nothing."""
        end = question.index(b"\0", 12) + 5  # of the question: EDNS may be behind it
        is_address = question[end - 4 : end - 2] == b"\0\1"
        head = question[:2] + b"\x81\x80" + b"\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(self.address)
        return head + question[12:end] + (answer if is_address else b"")

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", (self.address, 53))
        self.thread.join(5)
        self.socket.close()


def is_possible():
    """May this process make namespaces and answer for names?"""
    if os.getuid() != 0:
        return False
    try:
        with Roaming():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
