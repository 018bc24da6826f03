"""An IMAP server on loopback that does as a test tells it: one mailbox, whatever numbers, and any bad manners."""

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Handler = Callable[["Connection", str, str], None]


@dataclass
class Stored:
    """A mail on the server."""

    content: bytes
    date: str = "02-Mar-2026 11:00:00 +0000"
    seen: bool = False


@dataclass
class ScriptedImap:
    """What it has and how it behaves; `instead` replaces the answer to a command."""

    mails: dict[int, Stored] = field(default_factory=dict)
    validity: int = 7
    capabilities: str = "IMAP4rev1 IDLE AUTH=PLAIN"
    greeting: str = "* OK ready"
    password: str = "made-up"
    tls: ssl.SSLContext | None = None
    instead: dict[str, Handler] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    connections: list["Connection"] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @property
    def next_number(self) -> int:
        return max(self.mails, default=0) + 1

    def add(self, content: bytes, *, seen: bool = False) -> int:
        number = self.next_number
        self.mails[number] = Stored(content, seen=seen)
        self.tell(f"* {len(self.mails)} EXISTS")
        return number

    def tell(self, line: str) -> None:
        """To everybody who is idle."""
        for connection in list(self.connections):
            if connection.idle:
                connection.send(line)

    def hang_up(self) -> None:
        """As a server does that is started anew."""
        for connection in list(self.connections):
            connection.close()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", port)) as server:
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()
            try:
                yield server.getsockname()[1]
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                self.hang_up()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection = Connection(self, server.accept()[0])
                self.connections.append(connection)
                threading.Thread(target=connection.serve, daemon=True).start()


class Connection:
    def __init__(self, server: ScriptedImap, connected: socket.socket) -> None:
        self.server = server
        self.socket = connected
        self.idle = ""

    def close(self) -> None:
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        with suppress(OSError):
            self.socket.close()
        if self in self.server.connections:
            self.server.connections.remove(self)

    def send(self, *lines: str) -> None:
        for line in lines:
            with suppress(OSError):
                self.socket.sendall((line + (" done" if line.endswith(" OK") else "") + "\r\n").encode())

    def serve(self) -> None:
        with suppress(OSError, ValueError):
            if self.server.greeting:
                self.send(self.server.greeting)
            self._read()
        self.close()

    def _read(self) -> None:
        while line := self._line():
            tag, _, rest = line.partition(" ")
            if tag.upper() == "DONE":
                self.send(f"{self.idle} OK done")
                self.idle = ""
                continue
            command = re.match(r"UID \w+|\w+", rest, re.IGNORECASE)
            name = command[0].upper() if command else ""
            self.server.said.append(rest)
            usual: Handler | None = getattr(Connection, "do_" + name.replace(" ", "_").lower(), None)
            handler = self.server.instead.get(name, usual)
            if handler is None:
                self.send(f"{tag} BAD what?")
            else:
                handler(self, tag, rest[len(name) :].strip())

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            piece = self.socket.recv(1)
            if not piece:
                return ""
            line += piece
        return line.decode().strip()

    def do_capability(self, tag: str, _: str) -> None:
        self.send(f"* CAPABILITY {self.server.capabilities}", f"{tag} OK")

    def do_login(self, tag: str, rest: str) -> None:
        right = rest.split(" ", 1)[1].strip('"') == self.server.password
        self.send(f"{tag} OK" if right else f"{tag} NO wrong password")

    def do_authenticate(self, tag: str, _: str) -> None:
        self.send("+ ")
        given = base64.b64decode(self._line()).decode().split("\0")[2]
        self.send(f"{tag} OK" if given == self.server.password else f"{tag} NO wrong password")

    def do_starttls(self, tag: str, _: str) -> None:
        assert self.server.tls is not None
        self.send(f"{tag} OK")
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)

    def do_select(self, tag: str, rest: str) -> None:
        self.server.folders.append(rest.strip('"'))
        self.send(
            f"* {len(self.server.mails)} EXISTS",
            f"* OK [UIDVALIDITY {self.server.validity}] x",
            f"* OK [UIDNEXT {self.server.next_number}] x",
            f"{tag} OK [READ-WRITE] x",
        )

    def do_uid_search(self, tag: str, rest: str) -> None:
        mails = self.server.mails
        if found := re.search(r"UID (\d+):\*", rest):
            numbers = [n for n in mails if n >= int(found[1])] or sorted(mails)[-1:]
        elif found := re.search(r"UID (\d+)", rest):
            numbers = [n for n in mails if n == int(found[1])]
        elif "UNSEEN" in rest:
            numbers = [n for n, mail in mails.items() if not mail.seen]
        else:
            numbers = sorted(mails)
        self.send("* SEARCH " + " ".join(map(str, numbers)), f"{tag} OK")

    def do_uid_fetch(self, tag: str, rest: str) -> None:
        number = int(rest.split(maxsplit=1)[0])
        if mail := self.server.mails.get(number):
            position = sorted(self.server.mails).index(number) + 1
            head = f'* {position} FETCH (UID {number} INTERNALDATE "{mail.date}" BODY[]<0> {{{len(mail.content)}}}\r\n'
            self.socket.sendall(head.encode() + mail.content + b")\r\n")
        self.send(f"{tag} OK")

    def do_uid_store(self, tag: str, rest: str) -> None:
        if mail := self.server.mails.get(int(rest.split(maxsplit=1)[0])):
            mail.seen = True
        self.send(f"{tag} OK")

    def do_idle(self, tag: str, _: str) -> None:
        self.idle = tag
        self.send("+ idling")

    def do_noop(self, tag: str, _: str) -> None:
        self.send(f"{tag} OK")

    def do_logout(self, tag: str, _: str) -> None:
        self.send("* BYE", f"{tag} OK")


def silent(_connection: Connection, _tag: str, _rest: str) -> None:
    """No answer, and no end."""


def endless(line: str) -> Handler:
    """One line after the other."""

    def answer(connection: Connection, _tag: str, _rest: str) -> None:
        with suppress(OSError):
            while True:
                connection.socket.sendall((line + "\r\n").encode() * 1000)

    return answer


def by_drops(connection: Connection, _tag: str, _rest: str) -> None:
    """A line that never ends, and never pauses for long."""
    with suppress(OSError):
        while True:
            connection.socket.sendall(b"x")
            time.sleep(0.05)
