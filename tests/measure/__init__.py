"""The InterIMAP benchmark, held by this project: imapsyncd beside its peers and beside the limit, in one run.

once    a single run: the first sync, nothing to do, a few changes
live    the daemons, for hours: bytes, CPU, wake-ups, latency
scale   cost against messages, mailboxes and accounts
"""
