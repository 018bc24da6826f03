"""A name server on loopback for tests.

It answers questions over UDP and TCP, or behaves badly.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_TTL = 60
_LARGEST_BY_UDP = 512


class FakeNameServer:
    """A name server with given records: texts, and others by name and type.

    Such as `("x.example", "MX")`.

    `mood` is `fine`, `silent`, `failing` (SERVFAIL) or `garbage`.
    """

    def __init__(
        self, records: Mapping[str, str], others: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({})
    ) -> None:
        self.records = {name.lower().rstrip(".") + ".": text for name, text in records.items()}
        self.others = {(f"{name.lower().rstrip('.')}.", kind): texts for (name, kind), texts in others.items()}
        self.mood = "fine"
        self.asked = 0
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._by_tcp(), bind_and_activate=True)
        self._tcp.daemon_threads = True
        self.port = self._tcp.server_address[1]
        self._udp = socketserver.UDPServer(("127.0.0.1", self.port), self._by_udp())
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (self._tcp, self._udp)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def answer(self, question: bytes, *, room: int) -> bytes:
        """The answer's bytes; none of them when silent.

        What does not fit is cut off and the answer says so.
        """
        self.asked += 1
        if self.mood == "silent":
            return b""
        if self.mood == "garbage":
            return b"\0garbage"
        asked = dns.message.from_wire(question)
        reply = dns.message.make_response(asked)
        self._fill(reply)
        whole = reply.to_wire()
        if len(whole) <= room:
            return whole
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message) -> None:
        name = reply.question[0].name
        asked, kind = name.to_text().lower(), dns.rdatatype.to_text(reply.question[0].rdtype)
        text = self.records.get(asked)
        if self.mood == "failing":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif any(name_ == asked for name_, _ in self.others):
            if texts := self.others.get((asked, kind)):
                reply.answer.append(dns.rrset.from_text_list(name, _TTL, "IN", kind, texts))
        elif text is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            pieces = " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
            reply.answer.append(dns.rrset.from_text(name, _TTL, "IN", "TXT", pieces.replace(";", "\\;")))

    def _by_udp(self) -> type[socketserver.BaseRequestHandler]:
        server = self

        class UdpHandler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                question, channel = self.request
                if reply := server.answer(question, room=_LARGEST_BY_UDP):
                    channel.sendto(reply, self.client_address)

        return UdpHandler

    def _by_tcp(self) -> type[socketserver.BaseRequestHandler]:
        server = self

        class TcpHandler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                channel: socket.socket = self.request
                (length,) = struct.unpack(">H", channel.recv(2, socket.MSG_WAITALL))
                reply = server.answer(channel.recv(length, socket.MSG_WAITALL), room=65535)
                channel.sendall(struct.pack(">H", len(reply)) + reply)

        return TcpHandler
