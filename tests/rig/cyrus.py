"""A private Cyrus IMAP server, from Debian's package in a root of its own."""

from rig import imap
from rig.beside import Server
from rig.dovecot import PASSWORD

_IMAPD_CONF = """\
configdirectory: {directory}/conf
partition-default: {directory}/spool
defaultpartition: default
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb
sasl_mech_list: PLAIN LOGIN
autocreate_quota: 0
altnamespace: no
unixhierarchysep: no
idlesocket: {directory}/conf/idle
lmtpsocket: {directory}/conf/lmtp
"""

_CYRUS_CONF = """\
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {directory}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="/usr/lib/cyrus/bin/imapd -C {directory}/imapd.conf" listen="127.0.0.1:{port}" prefork=1 maxchild=100
}}
DAEMON {{
  idled cmd="/usr/lib/cyrus/bin/idled -C {directory}/imapd.conf"
}}
EVENTS {{
}}
"""

# The master process takes the server's own user by itself.
_SCRIPT = """\
mkdir -p {directory}/conf {directory}/spool
for user in {users}; do
        echo '{password}' | saslpasswd2 -p -c -f {directory}/sasldb -u "$(hostname)" "$user"
done
chown -R cyrus:mail {directory}
/usr/sbin/cyrmaster -C {directory}/imapd.conf -M {directory}/cyrus.conf -p {directory}/master.pid"""


class CyrusSession(imap.Session):
    prefix = b"INBOX."


class Cyrus(Server):
    """Its mailboxes are all below INBOX, with "." between the levels, as Cyrus has it of old."""

    packages = ("cyrus-imapd", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db")
    session_type = CyrusSession

    def prepare(self):
        values = {"directory": self.directory, "port": self.imap_port}
        (self.directory / "imapd.conf").write_text(_IMAPD_CONF.format(**values))
        (self.directory / "cyrus.conf").write_text(_CYRUS_CONF.format(**values))

    def script(self):
        return _SCRIPT.format(directory=self.directory, users=" ".join(self.users), password=PASSWORD)
