"""A desktop that shows notifications: a private session bus with a stand-in, which remembers what it was told."""

import json

from rig import bus

SERVICE = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications")
NEXT_ID = "self.given = getattr(self, 'given', 6) + 1; ret = args[1] or self.given"


class Desktop(bus.Bus):
    """with Desktop(directory) as desktop: desktop.session_variables lead a program there."""

    def __init__(self, directory, capabilities=("body", "body-markup")):
        super().__init__(directory)
        self.capabilities = list(capabilities)
        self.session_variables = {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def show(self):
        """The service comes up."""
        self.start(SERVICE[0], SERVICE, *SERVICE)
        self._add_method("GetCapabilities", "", "as", f"ret = {self.capabilities!r}")
        self._add_method("Notify", "susssasa{sv}i", "u", NEXT_ID)

    def hide(self):
        self.stop(SERVICE[0])

    def _add_method(self, name, takes, gives, code):
        self.call(*SERVICE[:2], bus.MOCK, "AddMethod", "sssss", SERVICE[2], name, takes, gives, code)

    def close(self, number):
        """The user has closed it."""
        self.call(*SERVICE[:2], bus.MOCK, "EmitSignal", "sssav", SERVICE[2], "NotificationClosed", "uu", "2",
                  "u", number, "u", "2")

    def notifications(self):
        """[(replaced, summary, body)], in the order in which they were shown."""
        answer = self._call("--json=short", *SERVICE[:2], bus.MOCK, "GetMethodCalls", "s", "Notify")
        if answer.returncode != 0:
            raise AssertionError(answer.stderr)
        calls = json.loads(answer.stdout)["data"][0]
        return [(row[1][1]["data"], row[1][3]["data"], row[1][4]["data"]) for row in calls]
