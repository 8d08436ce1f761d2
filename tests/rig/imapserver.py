"""Servers that no real server is: a script of what is expected and said."""

import re
import select
import socket
import threading


class Conversation:
    """One connection, in the hands of a script. The end of the connection ends the script."""

    def __init__(self, connection, stopping):
        self.connection = connection
        self.stopping = stopping
        self.buffer = b""
        self.heard = []  # the lines of the client

    def say(self, data):
        self.connection.sendall(data)

    def line(self):
        """The next line of the client."""
        while b"\n" not in self.buffer:
            data = self.connection.recv(65536)
            if not data:
                raise ConnectionError("the client has gone")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        self.heard.append(line.rstrip(b"\r"))
        return self.heard[-1]

    def literal(self, size):
        while len(self.buffer) < size:
            data = self.connection.recv(65536)
            if not data:
                raise ConnectionError("the client has gone")
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def expect(self, pattern):
        """The next line must match; returns its tag."""
        line = self.line()
        if not re.search(pattern, line, re.IGNORECASE):
            raise AssertionError(f"expected {pattern!r}, the client said {line!r}")
        return line.split(b" ", 1)[0]

    def hang(self):
        """Say nothing more, until the client or the test ends."""
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable and not self.connection.recv(65536):
                return

    def flood(self, data, limit):
        """Say the same again and again, at most so many bytes. Returns how many the client took."""
        sent = 0
        while sent < limit and not self.stopping.is_set():
            self.connection.sendall(data)
            sent += len(data)
        return sent

    def serve(self, answers, capability=b"IMAP4rev1 LITERAL+ ENABLE UIDPLUS", greet=True):
        """A small server: every command is OK. answers: {verb: lines before its OK, or a function of
        (conversation, tag, line) that answers all by itself and returns True to end}."""
        if greet:
            self.say(b"* OK [CAPABILITY " + capability + b"] ready\r\n")
        while True:
            line = self.line()
            tag, _, rest = line.partition(b" ")
            while match := re.search(rb"\{(\d+)\+?\}\Z", line):
                if not match[0].endswith(b"+}"):
                    self.say(b"+ go on\r\n")
                self.literal(int(match[1]))
                line = self.line()
            verb = rest.split(b" ", 2)[0].upper().decode()
            if verb == "UID":
                verb = b" ".join(rest.split(b" ", 2)[:2]).upper().decode()
            answer = answers.get(verb, b"")
            if callable(answer):
                if answer(self, tag, rest):
                    return
                continue
            if verb == "CAPABILITY":
                answer = b"* CAPABILITY " + capability + b"\r\n"
            if verb == "LOGOUT":
                answer = b"* BYE bye\r\n"
            self.say(answer + tag + b" OK done\r\n")
            if verb == "LOGOUT":
                return


class Server:
    """with Server(script) as server: each connection is given to script(conversation)."""

    imaps_port = None

    def __init__(self, script):
        self.script = script
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.imap_port = self.listener.getsockname()
        self.stopping = threading.Event()
        self.conversations = []
        self.problems = []  # what a script did not expect
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while not self.stopping.is_set():
            readable, _, _ = select.select([self.listener], [], [], 0.1)
            if not readable:
                continue
            connection, _ = self.listener.accept()
            connection.settimeout(60)
            conversation = Conversation(connection, self.stopping)
            self.conversations.append(conversation)
            thread = threading.Thread(target=self._talk, args=(conversation,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _talk(self, conversation):
        with conversation.connection:
            try:
                self.script(conversation)
            except OSError:
                pass  # the client closed: most scripts are meant to end so
            except AssertionError as problem:
                self.problems.append(str(problem))

    def heard(self):
        """All lines of all clients."""
        return [line for conversation in self.conversations for line in conversation.heard]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping.set()
        for conversation in self.conversations:
            try:
                conversation.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        self.listener.close()
