"""The ICAP door: conversations as squid and Nextcloud hold them, real clients, and its own promises."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import http.server
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from tests.journeys.doorhost import Doors
from tests.journeys.host import wait_until
from tests.ports import free_port

PICTURE, OTHER = b"\x89PNG\r\n\x1a\n made up, and on the list IEND....", b"\x89PNG\r\n\x1a\n on no list IEND...."
CONFIG = """
[agent]
state_dir = "{folder}/state"
[[watch]]
path = "{folder}/tree"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
measures_per_hour = 100000
storm_customers = 100000
[hashing]
processes = 1
[[icap_door]]
listen = "127.0.0.1:0"
customer = "{customer}"
longest_content = 1048576
{more}
"""


@dataclass
class IcapHost(Doors):
    """The process of the doors, with an ICAP door."""

    port: int = 0

    def start(self, more: str = "", *, customer: str = "anna") -> None:
        self.config.write_text(CONFIG.format(folder=self.folder, customer=customer, more=more))
        command = (sys.executable, "-m", "goodhoster_agent", "doors", "serve", "--config", str(self.config))
        with (self.folder / "journal").open("a") as journal:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
        assert self.process.stdout
        ready = self.process.stdout.readline()
        found = re.search(r"ready icap .* port (\d+)", ready)
        assert found, (ready, (self.folder / "journal").read_text())
        self.port = int(found[1])

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            yield client

    def ask(self, *pieces: bytes) -> bytes:
        """What it says to these pieces, each sent when it has said something to the one before, until it ends."""
        with self.connected() as client:
            said = b""
            for number, piece in enumerate(pieces):
                if number:
                    said += client.recv(1 << 16)
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            while more := client.recv(1 << 16):
                said += more
        return said

    def attempts(self) -> list[tuple[str, str]]:
        """State and customer of each case."""
        return [(case["state"], case["customer"]) for case in self.run("cases", "list")]


@contextmanager
def made() -> Iterator[IcapHost]:
    """A host whose door is not open yet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("tree", "run", "state"):
            (folder / each).mkdir()
        (folder / "known.txt").write_text(hashlib.sha256(PICTURE).hexdigest() + "\n")
        host = IcapHost(folder)
        host.config.write_text(CONFIG.format(folder=folder, customer="anna", more=""))
        host.run("hashlist", "import", str(folder / "known.txt"), "--source", "made-up")
        try:
            yield host
        finally:
            if host.process:
                host.kill()


@pytest.fixture
def host() -> Iterator[IcapHost]:
    with made() as host:
        yield host


@pytest.fixture(scope="module")
def opened() -> Iterator[IcapHost]:
    """A host whose door is open, for all who change nothing of it."""
    with made() as host:
        host.start()
        yield host


@dataclass(frozen=True)
class Asked:
    """A request as a client makes it."""

    body: bytes
    service: str = "reqmod"
    method: str = "REQMOD"
    fields: Sequence[str] = ()
    """Of ICAP."""
    request: Sequence[str] = ("POST http://site.example/up HTTP/1.1", "Host: site.example")
    response: Sequence[str] = ()
    preview: int | None = None
    sizes: Sequence[int] = field(default_factory=lambda: [50_000])

    def pieces(self) -> list[bytes]:
        """The request; behind a preview that is not all, a second piece."""
        request = "".join(f"{line}\r\n" for line in [*self.request, ""]).encode()
        response = "".join(f"{line}\r\n" for line in [*self.response, ""]).encode() if self.response else b""
        where = f"req-hdr=0, req-body={len(request)}"
        if response:
            where = f"req-hdr=0, res-hdr={len(request)}, res-body={len(request + response)}"
        preview = [] if self.preview is None else [f"Preview: {self.preview}"]
        lines = [f"{self.method} icap://127.0.0.1/{self.service} ICAP/1.0", "Host: 127.0.0.1", *self.fields, *preview]
        head = "".join(f"{line}\r\n" for line in [*lines, f"Encapsulated: {where}", ""]).encode()
        start = head + request + response
        if self.preview is None:
            return [start + chunked(self.body, self.sizes) + b"0\r\n\r\n"]
        if len(self.body) <= self.preview:
            return [start + chunked(self.body, self.sizes) + b"0; ieof\r\n\r\n"]
        first, rest = self.body[: self.preview], self.body[self.preview :]
        return [start + chunked(first, self.sizes) + b"0\r\n\r\n", chunked(rest, self.sizes) + b"0\r\n\r\n"]


def chunked(body: bytes, sizes: Sequence[int]) -> bytes:
    chunks = b""
    while body:
        size = sizes[len(chunks) % len(sizes)]
        chunks += b"%x\r\n" % len(body[:size]) + body[:size] + b"\r\n"
        body = body[size:]
    return chunks


def form(*contents: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="f"; filename="f.png"\r\n\r\n'
    return b"".join(b"--XX\r\n" + head + each + b"\r\n" for each in contents) + b"--XX--\r\n"


FORM = ("POST http://site.example/up HTTP/1.1", "Host: site.example", "Content-Type: multipart/form-data; boundary=XX")
ALLOW = ("Allow: 204",)


class TestConversations:
    def test_the_options_of_each_service(self, opened: IcapHost) -> None:
        for service, methods in {"reqmod": b"REQMOD", "respmod": b"RESPMOD", "avscan": b"RESPMOD, REQMOD"}.items():
            said = opened.ask(f"OPTIONS icap://h/{service} ICAP/1.0\r\nHost: h\r\n\r\n".encode())
            assert said.startswith(b'ICAP/1.0 200 OK\r\nISTag: "')
            assert b"\r\nMethods: " + methods + b"\r\n" in said
            assert said.endswith(b"Encapsulated: null-body=0\r\n\r\n")
        assert opened.ask(b"OPTIONS icap://h/other ICAP/1.0\r\n\r\n").startswith(b"ICAP/1.0 404 ")

    @pytest.mark.parametrize("preview", [None, 0, 10, 4096], ids=str)
    def test_an_upload_that_is_known_is_replaced_by_a_page(self, opened: IcapHost, preview: int | None) -> None:
        said = opened.ask(*Asked(form(b"text", PICTURE), request=FORM, preview=preview, fields=ALLOW).pieces())
        assert b"ICAP/1.0 200 OK\r\n" in said
        assert re.search(rb"X-Infection-Found: Type=0; Resolution=2; Threat=Policy\.Blocked-\S+;\r\n", said)
        assert b"HTTP/1.1 403 Forbidden\r\n" in said
        assert said.endswith(b"\r\n0\r\n\r\n")
        assert opened.attempts()[0] == ("refused", "anna")

    def test_an_upload_that_is_clear_passes_as_it_is(self, opened: IcapHost) -> None:
        body = form(OTHER)
        assert opened.ask(*Asked(body, request=FORM, fields=ALLOW).pieces()).startswith(b"ICAP/1.0 204 ")
        assert opened.ask(*Asked(body, request=FORM, preview=4096).pieces()).startswith(
            b"ICAP/1.0 204 "
        )  # in a preview
        said = opened.ask(*Asked(body, request=FORM, preview=10).pieces())
        assert said.startswith(b"ICAP/1.0 100 Continue\r\n\r\nICAP/1.0 200 OK\r\n")
        request = "".join(f"{line}\r\n" for line in [*FORM, ""]).encode()
        assert said.endswith(request + chunked(body, [1 << 16]) + b"0\r\n\r\n")
        assert b"Encapsulated: req-hdr=0, req-body=%d\r\n" % len(request) in said

    def test_a_message_without_a_body_passes(self, opened: IcapHost) -> None:
        head = b"GET http://site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n"
        asked = b"REQMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: req-hdr=0, null-body=%d\r\n" % len(head)
        assert opened.ask(asked + b"Allow: 204\r\n\r\n" + head).startswith(b"ICAP/1.0 204 ")
        assert opened.ask(asked + b"\r\n" + head).endswith(b"null-body=%d\r\n\r\n" % len(head) + head)

    def test_what_stands_in_an_address_is_looked_at_without_a_body(self, opened: IcapHost) -> None:
        for value, answer in {PICTURE: b"403 Forbidden", "caf\u00e9".encode() * 9: b"ICAP/1.0 204 "}.items():
            head = b"GET http://site.example/?f=%s HTTP/1.1\r\nHost: a\r\n\r\n" % quote_plus(value).encode()
            asked = b"REQMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: req-hdr=0, null-body=%d\r\n" % len(head)
            assert answer in opened.ask(asked + b"Allow: 204\r\n\r\n" + head)

    def test_two_lengths_are_no_error_that_a_proxy_counts(self, opened: IcapHost) -> None:
        head = ["PUT http://s.example/a HTTP/1.1", "Content-Length: 5", "Content-Length: 6"]
        for preview in (None, 10):
            assert b"(ambiguous)" in opened.ask(*Asked(OTHER, request=head, preview=preview).pieces())

    def test_one_connection_asks_again_and_again(self, opened: IcapHost) -> None:
        one = b"".join(Asked(OTHER, fields=ALLOW).pieces())
        assert opened.ask(one * 20).count(b"ICAP/1.0 204 ") == 20

    def test_a_download_that_is_known_is_replaced(self, opened: IcapHost) -> None:
        for coding, body in {"": PICTURE, "Content-Encoding: gzip": gzip.compress(PICTURE, mtime=0)}.items():
            response = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Content-Type: image/png", coding]
            asked = Asked(body, "respmod", "RESPMOD", ALLOW, response=[line for line in response if line])
            assert b"HTTP/1.1 403 Forbidden\r\n" in opened.ask(*asked.pieces())

    def test_what_nobody_can_tell_is_refused_with_a_page_that_says_so(self, opened: IcapHost) -> None:
        cases = {
            b"ambiguous": Asked(form(OTHER) + b"--XX\r\n\r\n" + PICTURE, request=FORM, fields=ALLOW),
            b"partial": Asked(OTHER, request=["PUT http://s.example/a HTTP/1.1", "Content-Length: 999"], fields=ALLOW),
            b"coding": Asked(OTHER, request=["PUT http://s.example/a HTTP/1.1", "Content-Encoding: br"], fields=ALLOW),
            b"too-big": Asked(OTHER + bytes(1 << 20), fields=ALLOW),
        }
        for reason, asked in cases.items():
            said = opened.ask(*asked.pieces())
            assert b"ICAP/1.0 200 OK\r\n" in said, reason
            assert b"HTTP/1.1 503 Service Unavailable\r\n" in said, reason
            assert b"(" + reason + b")" in said
            assert b"X-Infection-Found" not in said

    def test_a_range_of_a_text_passes_and_one_of_what_may_hold_pictures_does_not(self, opened: IcapHost) -> None:
        text, bytes_of_a_picture = b"let caf\xc3\xa9 = 1;\n" * 20, bytes(range(256))
        cases = {
            ("text/javascript; charset=utf-8", text): b"ICAP/1.0 204 ",
            ("application/json", text): b"ICAP/1.0 204 ",
            ("video/mp4", bytes_of_a_picture): b"ICAP/1.0 204 ",
            ("text/javascript", bytes_of_a_picture): b"(partial)",
            ("application/pdf", text): b"(partial)",
            ("application/zip", bytes_of_a_picture): b"(partial)",
            ("image/svg+xml", text): b"(partial)",
        }
        for (kind, body), answer in cases.items():
            response = ["HTTP/1.1 206 Partial Content", f"Content-Type: {kind}", "Content-Range: bytes 100-299/5000"]
            asked = Asked(body, "respmod", "RESPMOD", ALLOW, response=response)
            assert answer in opened.ask(*asked.pieces()), kind

    def test_a_packed_form_that_shows_another_one_to_programs_that_do_not_unpack(self, opened: IcapHost) -> None:
        packed = gzip.compress(form(OTHER), mtime=0)
        extra = b"\r\n" + form(PICTURE)
        body = packed[:3] + b"\4" + packed[4:10] + len(extra).to_bytes(2, "little") + extra + packed[10:]
        assert gzip.decompress(body) == form(OTHER)
        for content, answer in {packed: b"ICAP/1.0 204 ", body: b"(ambiguous)"}.items():
            asked = Asked(content, request=[*FORM, "Content-Encoding: gzip"], fields=ALLOW)
            assert answer in opened.ask(*asked.pieces())

    def test_what_nobody_can_tell_passes_where_the_door_is_open(self, host: IcapHost) -> None:
        host.start('on_unchecked = "open"')
        for preview in (None, 10):
            body = OTHER + os.urandom(3 << 19)
            said = host.ask(*Asked(body, preview=preview).pieces())
            assert unchunked(said.partition(b"Host: site.example\r\n\r\n")[2]) == body
        large = Asked(
            OTHER * 100_000, request=["PUT http://s.example/a HTTP/1.1", "Content-Length: 9999999"], preview=10
        )
        assert host.ask(large.pieces()[0]).startswith(b"ICAP/1.0 204 ")  # at once: nothing more is sent

    @pytest.mark.parametrize("preview", [None, 10], ids=["whole", "preview"])
    def test_who_asks_too_much_at_once_passes_where_the_door_is_open(self, host: IcapHost, preview: int | None) -> None:
        host.start('on_unchecked = "open"\nconnections = 4')
        fields = ("X-Client-IP: 192.0.2.1",)
        slow = Asked(OTHER * 10, fields=fields, preview=10).pieces()
        with host.connected() as first:
            first.sendall(slow[0])
            assert first.recv(1 << 16).startswith(b"ICAP/1.0 100 ")  # it is under way
            body = OTHER * 2000
            pieces = Asked(body, fields=fields, preview=preview).pieces()
            said = host.ask(pieces[0])
        if preview is None:
            assert unchunked(said.partition(b"Host: site.example\r\n\r\n")[2]) == body
        else:
            assert said.startswith(b"ICAP/1.0 204 ")

    def test_by_host_the_site_of_the_request_tells_whose_upload_it_is(self, host: IcapHost) -> None:
        (host.folder / "billing.csv").write_text("customer_id,domain\nc-7,site.example www.site.example\n")
        host.run("customers", "import", str(host.folder / "billing.csv"), "--source", "billing")
        host.start(customer="by-host")
        for site in ("www.site.example:8080", "other.example"):
            asked = Asked(PICTURE, request=["PUT /a HTTP/1.1", f"Host: {site}"])
            assert b"403 Forbidden" in host.ask(*asked.pieces())
        assert sorted(host.attempts()) == [("refused", "c-7"), ("refused", "unknown")]

    def test_nextcloud_s_questions_about_its_files(self, opened: IcapHost) -> None:
        """As `lib/Net/Icap/IcapRequest.php` of its app files_antivirus sends them."""
        up = {"request": ["PUT /folder/a.png HTTP/1.0", "Host: nextcloud"]}
        down = {
            "request": ["GET /folder/a.png HTTP/1.0", "Host: nextcloud"],
            "response": ["HTTP/1.0 200 OK", "Content-Length: 1"],
            "method": "RESPMOD",
        }
        for form_of_question in (up, down):
            fields = ("Allow: 204", "X-Client-IP: 192.0.2.1", "User-Agent: NC-ICAP-CLIENT/0.5.0", "Connection: close")
            known = opened.ask(*Asked(PICTURE, "avscan", fields=fields, **form_of_question).pieces())
            assert known.startswith(b"ICAP/1.0 200 ")
            assert b"X-Infection-Found: " in known
            assert b"\r\n\r\nHTTP/1.1 403 Forbidden\r\n" in known
            clear = opened.ask(*Asked(OTHER, "avscan", fields=fields, **form_of_question).pieces())
            assert clear.startswith(b"ICAP/1.0 204 ")
            cut = Asked(OTHER.replace(b"IEND", b"...."), "avscan", fields=fields, **form_of_question)
            assert opened.ask(*cut.pieces()).startswith(
                b"ICAP/1.0 503 "
            )  # every other status than 200 is an error there

    @pytest.mark.parametrize(
        "said",
        [
            b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"REQMOD icap://h/reqmod ICAP/1.0\r\n\r\n",
            b"REQMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: req-hdr=0, req-body=4\r\n\r\nab\r\nzz\r\n",
            b"REQMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: req-body=0\r\n\r\n-5\r\nabc\r\n",
            b"REQMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: req-body=0\r\n\r\n" + b"5" * 40 + b"\r\n",
            b"RESPMOD icap://h/reqmod ICAP/1.0\r\nEncapsulated: null-body=0\r\n\r\n",
            b"REQMOD " + b"x" * 100_000,
            b"REQMOD icap://h/reqmod ICAP/1.0\r\n" + b"A: b\r\n" * 1000,
        ],
        ids=["http", "no parts", "no size", "negative", "too many digits", "method", "long line", "many lines"],
    )
    def test_what_is_no_icap_is_answered_with_an_error_and_the_end(self, opened: IcapHost, said: bytes) -> None:
        assert re.match(rb"ICAP/1\.0 4\d\d ", opened.ask(said))
        assert opened.ask(*Asked(OTHER, fields=ALLOW).pieces()).startswith(b"ICAP/1.0 204 ")


def unchunked(said: bytes) -> bytes:
    found = b""
    while said:
        size, _, said = said.partition(b"\r\n")
        length = int(size, 16)
        found += said[:length]
        said = said[length + 2 :]
    return found


class TestLimits:
    def test_clients_that_stall_or_leave_hold_nothing(self, host: IcapHost) -> None:
        host.start('connections = 8\nidle_within = "1s"\nread_within = "3s"')
        (first,) = Asked(OTHER, fields=ALLOW).pieces()
        assert host.ask(first).startswith(b"ICAP/1.0 204 ")
        before = host.descriptors()
        half = [socket.create_connection(("127.0.0.1", host.port)) for _ in range(4)]
        for client in half:
            client.sendall(first[:-20])
        for _ in range(20):
            with host.connected() as client:
                client.sendall(first[:-30])
        idle = [socket.create_connection(("127.0.0.1", host.port)) for _ in range(4)]

        def answers() -> bool:
            try:
                return host.ask(first).startswith(b"ICAP/1.0 204 ")
            except OSError:
                return False

        assert wait_until(answers)
        for client in half:  # each got its page, and is read away until it leaves
            client.close()
        assert wait_until(lambda: host.descriptors() <= before, 60)
        for client in idle:
            client.close()

    def test_headers_beyond_the_limit_are_no_error_that_a_proxy_counts(self, opened: IcapHost) -> None:
        long = Asked(OTHER, request=["PUT http://s.example/a HTTP/1.1", "A: " + "b" * 200_000], fields=ALLOW)
        said = opened.ask(b"".join([*long.pieces(), *Asked(OTHER, fields=ALLOW).pieces()]))
        assert said.startswith(b"ICAP/1.0 200 OK\r\n")
        assert b"(too-big)" in said
        assert b"ICAP/1.0 204 " in said
        program = Asked(OTHER, "avscan", request=long.request)
        assert opened.ask(*program.pieces()).startswith(b"ICAP/1.0 413 ")

    def test_the_rest_of_what_was_refused_is_read_away_and_the_connection_goes_on(self, host: IcapHost) -> None:
        host.start('read_within = "1s"')
        (slow,) = Asked(OTHER, fields=ALLOW).pieces()
        with host.connected() as client:
            client.sendall(slow[:-20])
            said = client.recv(1 << 16)
            assert b"(cut-off)" in said
            while not said.endswith(b"\r\n0\r\n\r\n"):
                said += client.recv(1 << 16)
            client.sendall(slow[-20:] + slow)
            assert client.recv(1 << 16).startswith(b"ICAP/1.0 204 ")

    def test_accounts_that_are_not_named_are_turned_away(self, host: IcapHost) -> None:
        host.start('accounts = ["nobody"]')
        with host.connected() as client:
            assert client.recv(1) == b""
        assert "the ICAP door turned " in (host.folder / "journal").read_text()

    def test_one_client_of_a_proxy_does_not_take_all_connections(self, host: IcapHost) -> None:
        host.start("connections = 8")
        fields = ("Allow: 204", "X-Client-IP: 192.0.2.1")
        (slow,) = Asked(OTHER, fields=fields).pieces()
        waiting = [socket.create_connection(("127.0.0.1", host.port)) for _ in range(3)]
        for client in waiting:
            client.sendall(slow[:-9])
        (turned_away, *_), _, _ = select.select(waiting, [], [], 60)
        assert b"(client-limit)" in turned_away.recv(1 << 16)
        other = Asked(OTHER, fields=("Allow: 204", "X-Client-IP: 192.0.2.2"))
        assert host.ask(*other.pieces()).startswith(b"ICAP/1.0 204 ")
        for client in waiting:
            client.close()


@pytest.mark.debian("c-icap", program="c-icap-client")
def test_the_client_of_c_icap(host: IcapHost) -> None:
    host.start()
    (host.folder / "known.png").write_bytes(PICTURE)
    (host.folder / "clear.png").write_bytes(OTHER)

    client = ("c-icap-client", "-i", "127.0.0.1", "-p", str(host.port), "-s")

    def said(*words: str) -> str:
        done = subprocess.run([*client, *words], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout + done.stderr

    assert "Allow 204: Yes" in said("reqmod")
    upload = ("-req", "http://site.example/up", "-method", "PUT")
    for service, words in {"avscan": (), "respmod": (), "reqmod": upload}.items():
        known = said(service, "-f", str(host.folder / "known.png"), "-v", *words)
        assert "403 Forbidden" in known
        assert "X-Infection-Found" in known
        clear = said(service, "-f", str(host.folder / "clear.png"), "-v", *words)
        assert "403" not in clear
        assert "503" not in clear


class Site(http.server.BaseHTTPRequestHandler):
    """A customer's site: keeps what is uploaded, and gives it out."""

    stored: list[bytes]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.stored.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._say(b"stored")

    def do_GET(self) -> None:
        self._say(PICTURE if "known" in self.path else OTHER)

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def site() -> Iterator[tuple[int, list[bytes]]]:
    stored: list[bytes] = []
    handler = type("Stored", (Site,), {"stored": stored})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], stored
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SQUID = """
http_port 127.0.0.1:{port} accel defaultsite=site.example no-vhost
cache_peer 127.0.0.1 parent {site} 0 no-query originserver name=site
cache_peer_access site allow all
http_access allow all
cache deny all
access_log none
cache_log {folder}/squid.log
pid_filename {folder}/squid.pid
coredump_dir {folder}
shutdown_lifetime 1 seconds
visible_hostname localhost
pinger_enable off
icap_enable on
adaptation_send_client_ip on
icap_preview_enable on
icap_service up reqmod_precache icap://127.0.0.1:{icap}/reqmod bypass=off
icap_service down respmod_precache icap://127.0.0.1:{icap}/respmod bypass=off
adaptation_access up allow all
adaptation_access down allow all
"""


@contextmanager
def squid(host: IcapHost, site: int) -> Iterator[int]:
    """A real squid before the site, which asks the door about each request and each answer."""
    program = shutil.which("squid", path="/usr/sbin:/usr/bin")
    assert program
    folder = host.folder / "squid"
    folder.mkdir()
    shutil.chown(folder, "proxy", "proxy")
    port = free_port()
    (folder / "squid.conf").write_text(SQUID.format(folder=folder, port=port, site=site, icap=host.port))
    process = subprocess.Popen([program, "-N", "-f", str(folder / "squid.conf")], stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: _answers(port), 60)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        return said_by(port, "GET", "/clear")[0] == 200
    except OSError:
        return False


def said_by(port: int, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request(method, path, body, {"Content-Type": kind} if kind else {})
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


@pytest.mark.debian("squid", program="squid")
def test_a_site_behind_a_real_squid(host: IcapHost) -> None:
    host.start()
    kind = "multipart/form-data; boundary=XX"
    with site() as (behind, stored), squid(host, behind) as port:
        large = OTHER + os.urandom(300_000)
        assert said_by(port, "POST", "/up", form(b"text", large), kind) == (200, b"stored")
        assert said_by(port, "POST", "/up", OTHER, "image/png") == (200, b"stored")
        assert stored == [form(b"text", large), OTHER]
        status, page = said_by(port, "POST", "/up", form(b"text", PICTURE), kind)
        assert status == 403
        assert b"This file was refused." in page
        assert said_by(port, "POST", "/up", form(large, PICTURE), kind)[0] == 403
        assert said_by(port, "POST", "/up", PICTURE, "image/png")[0] == 403
        for _ in range(15):  # after ten errors squid would ask nobody any more
            assert said_by(port, "POST", "/up", form(OTHER) + b"--XX\r\n\r\n" + PICTURE, kind)[0] == 503
        assert len(stored) == 2
        assert said_by(port, "GET", "/known")[0] == 403
        assert said_by(port, "GET", "/clear") == (200, OTHER)
        host.kill()
        assert said_by(port, "POST", "/up", form(PICTURE), kind)[0] == 500  # bypass=off: nothing passes
        assert len(stored) == 2
    assert {state for state, _ in host.attempts()} == {"refused"}


def uploads_begun(port: int, count: int, source: str, body: bytes) -> list[socket.socket]:
    """Uploads of one visitor, of each of which only the beginning is sent."""
    head = b"POST /up HTTP/1.1\r\nHost: site.example\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n"
    begun = []
    for _ in range(count):
        begun.append(socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)))
        begun[-1].sendall(head + body)
    return begun


@pytest.mark.debian("squid", program="squid")
@pytest.mark.parametrize("size", [10, 50_000], ids=["in the preview", "behind the preview"])
def test_a_visitor_who_drips_brings_about_no_error_that_squid_counts(host: IcapHost, size: int) -> None:
    host.start('read_within = "1s"\nconnections = 16')
    with site() as (behind, stored), squid(host, behind) as port:
        begun = uploads_begun(port, 20, "127.0.0.5", OTHER[:10] * (size // 10))
        said = [client.recv(1 << 16) for client in begun]  # each is answered: client-limit at once, cut-off later
        assert {each[:12] for each in said} == {b"HTTP/1.1 503"}
        for _ in range(20):
            for client in begun:
                client.sendall(b"z")
            assert said_by(port, "POST", "/up", OTHER, "image/png") == (200, b"stored")
        for client in begun:
            client.close()
        assert said_by(port, "POST", "/up", OTHER, "image/png") == (200, b"stored")
        assert len(stored) == 21


@pytest.mark.debian("squid", program="squid")
def test_uploads_beyond_the_limit_bring_about_no_error_that_squid_counts(host: IcapHost) -> None:
    host.start()
    with site() as (behind, _), squid(host, behind) as port:
        for _ in range(12):
            with suppress(OSError):  # the page may come, and the end, before all is sent
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                client.request(
                    "POST", "/up", iter([bytes(1 << 20)] * 16), encode_chunked=True
                )  # its length is not told
                client.getresponse().read()
            client.close()
        assert said_by(port, "POST", "/up", OTHER, "image/png") == (200, b"stored")


@pytest.mark.debian("squid", program="squid")
@pytest.mark.parametrize("whole_head", [False, True], ids=["half a head", "a body that never ends"])
def test_another_account_does_not_take_the_connections_of_the_proxy(host: IcapHost, *, whole_head: bool) -> None:
    host.start("connections = 16")
    others = []
    for number in range(100):
        slow = Asked(OTHER, fields=(f"X-Client-IP: 192.0.2.{number}",)).pieces()[0]
        others.append(socket.create_connection(("127.0.0.1", host.port), timeout=60))
        with suppress(OSError):  # those beyond its share are turned away
            others[-1].sendall(slow[:-20] if whole_head else slow[:20])
    with site() as (behind, _), squid(host, behind) as port:
        for _ in range(12):
            assert said_by(port, "POST", "/up", OTHER, "image/png") == (200, b"stored")
    for client in others:
        client.close()
