"""A private Dovecot: its own configuration, ports, certificate and users in one directory."""

import collections
import grp
import os
import pathlib
import pwd
import random
import shlex
import signal
import socket
import ssl
import subprocess

from rig import imap, wait_until

PASSWORD = "Xyzzy-42"

# As root the mail belongs to a number that no account has, another one for each server: limits of
# inotify are counted by user.
FIRST_UID = 64000

_CONFIG = """\
protocols = imap
listen = {listen}
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
login_trusted_networks =
default_process_limit = 200
default_client_limit = 2000
shutdown_clients = yes

ssl = yes
ssl_cert = <{directory}/server.pem
ssl_key = <{directory}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0

passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/home/%u
}}

mail_location = {location}
mailbox_list_index = yes
mail_max_userip_connections = 200
mail_fsync = never
first_valid_uid = 1
{plugins}
{capability}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}

service imap-login {{
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 400
}}
# No longer and longer wait after a wrong password.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{unprivileged}
{settings}
"""

# As an ordinary user every process runs as that user, and none in a chroot.
_UNPRIVILEGED = """\
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
"""

_PLUGINS = """\
mail_plugins = {all}
protocol imap {{
  mail_plugins = {imap}
}}
"""

_QUOTA = """\
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:{quota}
}}
"""


def _plugins(names, quota):
    """Each plugin has a part for everybody and one for IMAP."""
    if not names:
        return ""
    text = _PLUGINS.format(all=" ".join(names), imap=" ".join([*names, *(f"imap_{name}" for name in names)]))
    return text + (_QUOTA.format(quota=quota) if quota else "")


# Sockets whose names say which ports are ours, for tests that run at the same time: the latest, for who has had time
# to listen needs none.
_marks = collections.deque(maxlen=200)


def _is_mine(port):
    """Nobody else takes it from now on. A server that does not get its port would be taken for up, by another's
    greeting."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0imapsyncd-test-port-{port}")
    except OSError:
        mark.close()
        return False
    _marks.append(mark)
    return True


def free_ports(count):
    """Ports that nobody listens on, nor is about to, below those that the kernel gives to clients."""
    ports = []
    while len(ports) < count:
        with socket.socket() as probe:
            port = random.randrange(10_000, 32_000)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _is_mine(port):
            ports.append(port)
    return ports


def make_certificate(directory, name, hosts, ca=None):
    """NAME.pem and NAME.key, self-signed or signed by the CA of that name."""
    directory = pathlib.Path(directory)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "30", "-subj", f"/CN={hosts[0] if hosts else name}"]
    command += ["-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"]
    if ca:
        command += ["-CA", directory / f"{ca}.pem", "-CAkey", directory / f"{ca}.key"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
        command += ["-addext", "subjectAltName=" + ",".join(_alt_name(host) for host in hosts)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _alt_name(host):
    """"DNS:" before an address: for programs that look at names only."""
    if host.startswith("DNS:"):
        return host
    return ("IP:" if host.replace(".", "").isdigit() or ":" in host else "DNS:") + host


class Dovecot:
    """with Dovecot(directory) as server: ...

    store:      "maildir" (delimiter ".") or "mdbox" (delimiter "/")
    capability: the whole list that is advertised, instead of Dovecot's own
    hosts:      names and addresses in the certificate
    prefix:     of every mailbox but INBOX, with the delimiter
    quota:      of each user, such as "storage=1M"
    """

    is_server = True  # not a Maildir, see rig.local

    def __init__(self, directory, store="maildir", capability=None, compress=True,
                 addresses=("127.0.0.1",), hosts=("localhost", "127.0.0.1"), prefix="",
                 settings="", quota=None):
        self.directory = pathlib.Path(directory)
        self.store = store
        self.host = addresses[0]
        self.addresses = addresses
        self.delimiter = "." if store == "maildir" else "/"
        self.imap_port, self.imaps_port = free_ports(2)
        self.capability = capability
        self.compress = compress
        self.prefix = prefix
        self.settings = settings
        self.quota = quota
        self.process = None
        self.uid, self.gid = os.getuid(), os.getgid()
        if self.uid == 0:
            self.uid = self.gid = FIRST_UID + self.imap_port % 1000
        self._make_directories()
        make_certificate(self.directory, "ca", [])
        make_certificate(self.directory, "server", list(hosts) + list(addresses), ca="ca")
        self.ca_file = self.directory / "ca.pem"
        self.log = self.directory / "dovecot.log"

    def _make_directories(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        for name in ("run", "state", "home"):
            (self.directory / name).mkdir(exist_ok=True)
        os.chown(self.directory / "home", self.uid, self.gid)

    def _write_config(self):
        location = {"maildir": "maildir:~/Maildir", "mdbox": "mdbox:~/mdbox"}[self.store]
        unprivileged = ""
        if os.getuid() != 0:
            user = pwd.getpwuid(os.getuid()).pw_name
            group = grp.getgrgid(os.getgid()).gr_name
            unprivileged = _UNPRIVILEGED.format(user=user, group=group)
        plugins = [name for name, wanted in (("zlib", self.compress), ("quota", self.quota)) if wanted]
        text = _CONFIG.format(
            directory=self.directory,
            listen=", ".join(self.addresses),
            password=PASSWORD,
            uid=self.uid,
            gid=self.gid,
            location=location,
            separator=self.delimiter,
            prefix=self.prefix,
            plugins=_plugins(plugins, self.quota),
            capability=f"imap_capability = {self.capability}" if self.capability else "",
            imap_port=self.imap_port,
            imaps_port=self.imaps_port,
            unprivileged=unprivileged,
            settings=self.settings,
        )
        (self.directory / "dovecot.conf").write_text(text)

    def start(self):
        self._write_config()
        output = open(self.directory / "dovecot.out", "ab")
        with output:
            self.process = subprocess.Popen(
                ["dovecot", "-F", "-c", self.directory / "dovecot.conf"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )
        wait_until(self._is_up, "Dovecot answers", deadline=20)
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("Dovecot does not start:\n" + self.log_tail())
        try:
            with socket.create_connection((self.host, self.imap_port), 5) as s:
                return s.recv(4) == b"* OK"
        except OSError:
            return False

    def stop(self):
        """An orderly end, after which it can be started again."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            self.kill()

    def kill(self):
        """End it and all that it started, by the group of its pid; what it wrote is thrown away."""
        if not self.process:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def log_tail(self, lines=20):
        text = ""
        for path in (self.directory / "dovecot.out", self.log):
            if path.exists():
                text += "".join(path.read_text(errors="replace").splitlines(True)[-lines:])
        return text

    def tls_context(self):
        return ssl.create_default_context(cafile=str(self.ca_file))

    def session(self, user="alice", tls=False):
        """A logged-in session: what another client of the same user would be."""
        if tls:
            return imap.Session(self.host, self.imaps_port, user, PASSWORD, self.tls_context())
        return imap.Session(self.host, self.imap_port, user, PASSWORD)

    def tunnel(self, user="alice"):
        """A shell command that speaks IMAP, logged in already (PREAUTH), on its standard input and output."""
        words = ["env", f"HOME={self.directory}/home/{user}", f"USER={user}"]
        if os.getuid() == 0:
            ids = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
            words = ["setpriv", *ids, *words]
        return shlex.join([*words, "doveadm", "-c", f"{self.directory}/dovecot.conf", "exec", "imap"])

    def doveadm(self, *words):
        subprocess.run(["doveadm", "-c", self.directory / "dovecot.conf", *words],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def mail_directory(self, user="alice"):
        return self.directory / "home" / user / ("Maildir" if self.store == "maildir" else "mdbox")

    def own(self, path):
        """Give a file that the test wrote into the store to the store's user."""
        os.chown(path, self.uid, self.gid)
