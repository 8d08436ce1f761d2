"""Mailbox names: modified UTF-7 (RFC 3501 section 5.1.3), written apart from the program's own."""

import base64
import re


def encode(name):
    """'Entwürfe & Co' -> b'Entw&APw-rfe &- Co'"""

    def run(match):
        if match[0] == "&":
            return "&-"
        text = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=")
        return "&" + text.replace("/", ",") + "-"

    return re.sub(r"&|[^\x20-\x7e]+", run, name).encode("ascii")


def decode(wire):
    """b'Entw&APw-rfe &- Co' -> 'Entwürfe & Co'"""

    def run(match):
        text = match[1]
        if not text:
            return "&"
        text = text.replace(",", "/") + "=" * (-len(text) % 4)
        return base64.b64decode(text, validate=True).decode("utf-16-be")

    return re.sub(r"&([^-]*)-", run, wire.decode("ascii"))


def quote(text):
    """A quoted string (RFC 9051 section 4.3)."""
    if isinstance(text, str):
        text = text.encode()
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
