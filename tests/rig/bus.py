"""A private system bus with stand-ins of logind and NetworkManager (python3-dbusmock), told what to say."""

import os
import signal
import subprocess

from rig import wait_until

PYTHON = "/usr/bin/python3"  # Debian's: the stand-ins are a package of it

CONFIG = """<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow eavesdrop="true"/>
<allow send_destination="*" eavesdrop="true"/></policy></busconfig>
"""

LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
NETWORK = ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager")
POWER = ("org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.UPower")
BATTERIES = (POWER[0], "/org/freedesktop/UPower/devices/DisplayDevice", "org.freedesktop.UPower.Device")
PROFILES = ("org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles",
            "org.freedesktop.UPower.PowerProfiles")
PROFILES_OLD = ("net.hadess.PowerProfiles", "/net/hadess/PowerProfiles", "net.hadess.PowerProfiles")
MOCK = "org.freedesktop.DBus.Mock"


def is_possible():
    """Are the bus, busctl and the stand-ins installed?"""
    words = [PYTHON, "-c", "import dbusmock, gi"]
    try:
        return all(subprocess.run(command, capture_output=True, check=False).returncode == 0
                   for command in (words, ["dbus-daemon", "--version"], ["busctl", "--version"]))
    except FileNotFoundError:
        return False


class Bus:
    """with Bus(directory) as bus: bus.variables in the environment of a program lead it there.

    prefix: a command in front of the bus and the stand-ins
    """

    def __init__(self, directory, prefix=()):
        self.directory = directory
        self.prefix = list(prefix)
        self.socket = directory / "bus"
        self.address = f"unix:path={self.socket}"
        self.variables = {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.bus = None
        self.mocks = {}

    def __enter__(self):
        config = self.directory / "bus.conf"
        config.write_text(CONFIG.format(socket=self.socket))
        self.socket.unlink(missing_ok=True)
        self.bus = self._start("dbus-daemon", "--nofork", "--nopidfile", "--config-file", config)
        wait_until(lambda: self._call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                      "GetId").returncode == 0, "the bus answers")
        return self

    def _start(self, *words):
        return subprocess.Popen(
            list(map(str, [*self.prefix, *words])), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "bus.log", "ab"), env=os.environ | self.variables)

    def _call(self, *words):
        return subprocess.run(list(map(str, ["busctl", f"--address={self.address}", "call", *words])),
                              capture_output=True, text=True, check=False)

    def call(self, *words):
        result = self._call(*words)
        if result.returncode != 0:
            raise AssertionError(f"busctl call {' '.join(map(str, words))}: {result.stderr}")
        return result.stdout

    def start(self, template, service, *words):
        """A stand-in, until stop() or the end."""
        words = words or ("--template", template)
        self.mocks[template] = self._start(PYTHON, "-m", "dbusmock", "--system", *words)
        wait_until(lambda: self._call(*service[:2], "org.freedesktop.DBus.Peer", "Ping").returncode == 0,
                   f"{template} answers", deadline=30)

    def stop(self, template):
        process = self.mocks.pop(template)
        process.send_signal(signal.SIGTERM)
        process.wait(10)

    # --- logind ---

    def start_logind(self):
        self.start("logind", LOGIND)

    def prepare_for_sleep(self, begins):
        self.call(*LOGIND[:2], MOCK, "EmitSignal", "sssav", LOGIND[2], "PrepareForSleep", "b", "1", "b",
                  "true" if begins else "false")

    def inhibitors(self):
        """Of those who delay sleep: how many."""
        return self.call(*LOGIND, "ListInhibitors").count('"imapsyncd"')

    # --- NetworkManager ---

    def start_network(self, **properties):
        self.start("networkmanager", NETWORK)
        # The stand-in does not know this one.
        self.call(*NETWORK[:2], MOCK, "AddProperty", "ssv", NETWORK[2], "Metered", "u", properties.pop("Metered", 4))
        self.set_network(**(dict(State=70, Connectivity=4) | properties))

    def set_network(self, **properties):
        """State, Connectivity, Metered: numbers of its API."""
        words = [word for name, value in properties.items() for word in (name, "u", value)]
        self.call(*NETWORK[:2], MOCK, "UpdateProperties", "sa{sv}", NETWORK[2], len(properties), *words)

    def set_primary_connection(self, path):
        """Said only: the stand-in cannot keep an object's path."""
        self.call(*NETWORK[:2], MOCK, "EmitSignal", "sssav", "org.freedesktop.DBus.Properties", "PropertiesChanged",
                  "sa{sv}as", 3, "s", NETWORK[2], "a{sv}", 1, "PrimaryConnection", "o", path, "as", 0)

    # --- UPower, power-profiles-daemon ---

    def start_power(self):
        self.start("upower", POWER, "--template", "upower", "--parameters", '{"DaemonVersion": "0.99"}')

    def start_profiles(self, service):
        """Under one of its names; no template has the newer."""
        self.start(service[0], service, *service)
        self.call(*service[:2], MOCK, "AddProperty", "ssv", service[2], "ActiveProfile", "s", "balanced")

    def set_property(self, service, name, kind, value):
        self.call(*service[:2], MOCK, "UpdateProperties", "sa{sv}", service[2], 1, name, kind, value)

    def end(self):
        """The bus goes, and all on it."""
        for template in list(self.mocks):
            self.stop(template)
        if self.bus:
            self.bus.kill()
            self.bus.wait()
            self.bus = None

    def __exit__(self, *_):
        self.end()
