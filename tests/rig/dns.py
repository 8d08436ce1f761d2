"""A name server of the test's own, and a command that asks nobody else."""

import os
import random
import socket
import struct
import threading

TYPES = {"A": 1, "MX": 15, "AAAA": 28, "SRV": 33}


def is_possible():
    """Port 53 and a mount namespace need root."""
    return os.getuid() == 0


def _name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "MX":
        return struct.pack("!H", value[0]) + _name(value[1])
    return struct.pack("!HHH", *value[:3]) + _name(value[3])


class NameServer:
    """with NameServer(directory, records) as dns: dns.prefix runs a command that asks it.

    records: {(name, type): [value, ...]}; of A an address, of MX (preference, host), of SRV
    (priority, weight, port, host). Who asks for another name hears that it does not exist.
    """

    def __init__(self, directory, records):
        self.records = {(name.lower(), TYPES[kind]): [_data(kind, value) for value in values]
                        for (name, kind), values in records.items()}
        self.questions = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # An address of its own for each: all of 127.0.0.0/8 is this machine.
        self.address = f"127.{random.randrange(64, 250)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        resolv = directory / "resolv.conf"
        resolv.write_text(f"nameserver {self.address}\n")
        script = f'mount --bind {resolv} /etc/resolv.conf && exec "$@"'
        self.prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.socket.bind((self.address, 53))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, _ = struct.unpack_from("!HH", question, at + 1)
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        answers = self.records.get((name, kind), [])
        exists = any(known == name for known, _ in self.records)
        header = question[:2] + struct.pack("!HHHHH", 0x8180 if exists else 0x8183, 1, len(answers), 0, 0)
        body = question[12:at + 5]
        for data in answers:
            body += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
        return header + body
