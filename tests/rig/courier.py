"""A private Courier IMAP server, from Debian's package in a root of its own."""

import re

from rig import imap
from rig.beside import Server
from rig.dovecot import PASSWORD

# Courier looks for its configuration and sockets in fixed places: this server's own are mounted there.
# A look into the mailbox each second while a client idles, where the default is a minute.
_SCRIPT = """\
mkdir -p {directory}/etc {directory}/run/authdaemon /run/courier
cp -a /etc/courier/. {directory}/etc
mount --bind {directory}/etc /etc/courier
mount --bind {directory}/run /run/courier
cat >/etc/courier/authdaemonrc <<END
authmodulelist="authuserdb"
daemons=3
authdaemonvar=/run/courier/authdaemon
END
echo 'mail-{uid}:x:{uid}:{uid}::/:/bin/false' >>/etc/passwd  # whom gamin, which watches, wants to know
secret=$(openssl passwd -5 '{password}')
for user in {users}; do
        home={directory}/home/$user
        mkdir -p "$home"
        [ -d "$home/Maildir" ] || maildirmake.courier "$home/Maildir"
        printf '%s\\thome=%s|uid={uid}|gid={uid}|imappw=%s\\n' "$user" "$home" "$secret" >>/etc/courier/userdb
done
chmod 600 /etc/courier/userdb
makeuserdb
chown -R {uid}:{uid} {directory}/home
/usr/lib/courier/courier-authlib/authdaemond &
set -a
. /etc/courier/imapd
IMAP_IDLE_TIMEOUT=1
couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup {port} \\
        /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir"""


class CourierSession(imap.Session):
    """Courier has UIDPLUS, but neither MULTIAPPEND, LITERAL+ nor MOVE."""

    prefix = b"INBOX."
    adds_line_end = True

    def append_many(self, mailbox, messages, batch=50):
        uids = []
        for message, flags, date in messages:
            head = b"APPEND " + self.wire(mailbox) + b" (" + " ".join(flags).encode() + b")"
            if date:
                head += b' "' + date.encode() + b'"'
            tag = self.send(head + b" {%d}" % len(message))
            self.read()  # "+"
            self.socket.sendall(message + b"\r\n")
            self.finish(tag)
            uids.append(int(re.search(rb"APPENDUID \d+ (\d+)", self.status)[1]))
        return uids

    def move(self, uids, mailbox):
        self.command(b"UID COPY " + str(uids).encode() + b" " + self.wire(mailbox))
        self.expunge(uids)


class Courier(Server):
    """Its mailboxes are all below INBOX, with "." between the levels."""

    packages = ("courier-imap", "gamin")
    session_type = CourierSession

    def prepare(self):
        """All is in the script."""

    def script(self):
        return _SCRIPT.format(directory=self.directory, users=" ".join(self.users), password=PASSWORD,
                              uid=self.uid, port=self.imap_port)

    def mail_directory(self, user="alice"):
        return self.directory / "home" / user / "Maildir"
