"""The servers of the world, as far as they can be had here.

What a server lacks, a client must do without: Dovecot that advertises no more than another server does
tests that, as far as the client uses nothing that is not advertised. Cyrus and Courier are themselves.
"""

import collections
import re

from rig.courier import Courier
from rig.cyrus import Cyrus
from rig.dovecot import Dovecot

# What each says after login, less what Dovecot has not: UTF8=ACCEPT, METADATA, OBJECTID, X-GM-EXT-1.
CAPABILITIES = {
    "gmail": "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID CHILDREN UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE"
             " ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE",
    "exchange": "IMAP4 IMAP4rev1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
    "icloud": "IMAP4 IMAP4rev1 SASL-IR ENABLE CONDSTORE UIDPLUS UNSELECT BINARY SORT ID IDLE LIST-STATUS"
              " LIST-EXTENDED ESEARCH",
    "yahoo": "IMAP4rev1 SASL-IR ENABLE ID IDLE MOVE NAMESPACE UIDPLUS UNSELECT LITERAL+ LIST-EXTENDED LIST-STATUS"
             " SPECIAL-USE",
    "proton": "IMAP4rev1 ID IDLE MOVE UIDPLUS UNSELECT LITERAL+ SPECIAL-USE QUOTA",
    "stalwart": "IMAP4rev1 SASL-IR ENABLE CONDSTORE QRESYNC UIDPLUS UNSELECT MOVE ESEARCH ID IDLE LIST-STATUS"
                " LIST-EXTENDED LITERAL+ MULTIAPPEND SPECIAL-USE",
    "bare": "IMAP4rev1",
}

# What a client may say only to a server that offers it.
NEEDS = {
    rb"UID EXPUNGE ": "UIDPLUS",
    rb"(UID )?MOVE ": "MOVE",
    rb"UNSELECT": "UNSELECT",
    rb"ENABLE ": "ENABLE",
    rb"IDLE\r": "IDLE",
    rb"ID ": "ID",
    rb"NOTIFY ": "NOTIFY",
    rb"NAMESPACE": "NAMESPACE",
    rb"COMPRESS ": "COMPRESS=DEFLATE",
    rb"AUTHENTICATE \S+ \S": "SASL-IR",
    rb"LIST .* RETURN \(.*STATUS": "LIST-STATUS",
    rb"LIST .* RETURN ": "LIST-EXTENDED",
    rb"(UID )?SEARCH RETURN ": "ESEARCH",
    rb"SELECT .*\(CONDSTORE|STATUS .*HIGHESTMODSEQ|.*CHANGEDSINCE|.*UNCHANGEDSINCE": "CONDSTORE",
    rb"SELECT .*\(QRESYNC": "QRESYNC",
    rb"APPEND .*\{\d+\+\}\r": "LITERAL[+-]",
}

Profile = collections.namedtuple("Profile", "name start capability")


def _dovecot(name, store):
    capability = CAPABILITIES.get(name)

    def start(directory, _users):
        return Dovecot(directory, store, capability=capability, compress=not capability or "COMPRESS" in capability)

    return Profile(name, start, capability)


PROFILES = {profile.name: profile for profile in [
    _dovecot("full", "maildir"),
    *(_dovecot(name, "mdbox") for name in CAPABILITIES),
    Profile("cyrus", Cyrus, None),
    Profile("courier", Courier, None),
]}

# Those that need no package beside Dovecot.
MASKED = ["full", *CAPABILITIES]


def not_offered(profile, said):
    """What a client said to a server that does not offer it: lines."""
    if not profile.capability or "COMPRESS" in profile.capability:
        return []
    found = []
    for pattern, capability in NEEDS.items():
        if not re.search(rf"(^| ){capability}( |$)", profile.capability):
            found += [m[1].decode("latin-1").strip()
                      for m in re.finditer(rb"^\w+ ((?:" + pattern + rb").*)$", said, re.MULTILINE)]
    return sorted(set(found))
