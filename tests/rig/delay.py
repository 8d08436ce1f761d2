"""Carry packets between two TUN devices, each of them late: python3 -m rig.delay ONE OTHER SECONDS

Says "ready" when both are there, and then the time.monotonic() of each SYN of TCP that comes to OTHER. Ends, and they
with it, at the end of its standard input.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

_SET_INTERFACE = 0x400454CA
_TUN, _NO_HEADER = 0x0001, 0x1000
_LARGEST = 65536


def open_device(name):
    """A device for IP packets: one packet a read or write."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _TUN | _NO_HEADER))
    return device


def is_syn(packet):
    """Of IPv4 and TCP: without ACK, so the first of a connection."""
    options = 4 * (packet[0] & 15)
    return packet[0] >> 4 == 4 and packet[9] == 6 and packet[options + 13] & 0x12 == 0x02


def take(source, sink, waiting, seconds):
    """All packets that wait to be read get their time. Returns when a connection began."""
    syns = []
    try:
        while True:
            packet, now = os.read(source, _LARGEST), time.monotonic()
            waiting.append((now + seconds, sink, packet))
            if is_syn(packet):
                syns.append(now)
    except BlockingIOError:
        return syns


def deliver(waiting):
    """Packets whose time has come; one that cannot be written is lost, as on any network."""
    while waiting and waiting[0][0] <= time.monotonic():
        _, sink, packet = waiting.popleft()
        try:
            os.write(sink, packet)
        except OSError:
            pass


def carry(one, other, seconds):
    """Until standard input ends."""
    sinks = {one: other, other: one}
    waiting = collections.deque()
    while True:
        # select(2) is precise; poll(2) and epoll(7) know whole milliseconds only.
        timeout = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
        for descriptor in select.select([one, other, 0], [], [], timeout)[0]:
            if descriptor == 0:
                return
            syns = take(descriptor, sinks[descriptor], waiting, seconds)
            if descriptor == other:
                print("".join(f"{syn}\n" for syn in syns), end="", flush=True)
        deliver(waiting)


def main(one, other, seconds):
    devices = open_device(one), open_device(other)
    print("ready", flush=True)
    carry(*devices, float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
