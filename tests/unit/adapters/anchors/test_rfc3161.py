"""Timestamps of a real authority: openssl behind a small server."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from goodhoster.adapters.anchors.rfc3161 import Rfc3161Authority
from goodhoster.errors import ConfigurationError, PassingError, PermanentError

pytestmark = pytest.mark.debian("openssl", program="openssl")

CONFIG = """
[tsa]
default_tsa = made_up
[made_up]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
[signer]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:FALSE
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""


@dataclass
class Authority:
    """A timestamp authority in a folder."""

    folder: Path
    url: str = ""
    answer: bytes | None = None
    status: int = 200
    asked: list[bytes] = field(default_factory=list)

    def openssl(self, *arguments: str) -> None:
        command = ["openssl", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr

    def make(self, name: str) -> None:
        """A root and a signer below it."""
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", "tsa.cnf"]
        (self.folder / "tsa.cnf").write_text(CONFIG)
        self.openssl("req", "-x509", *key, "-subj", f"/CN={name} root", "-days", "2", "-extensions", "root",
                     "-keyout", "root.key", "-out", "root.pem")  # fmt: skip
        self.openssl("req", *key, "-subj", f"/CN={name}", "-keyout", "tsa.key", "-out", "tsa.csr")
        self.openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                     "-days", "2", "-extfile", "tsa.cnf", "-extensions", "signer", "-out", "tsa.pem")  # fmt: skip
        (self.folder / "serial").write_text("01\n")

    def stamp(self, query: bytes) -> bytes:
        self.asked.append(query)
        (self.folder / "query").write_bytes(query)
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-inkey", "tsa.key",
                     "-signer", "tsa.pem", "-out", "reply")  # fmt: skip
        return (self.folder / "reply").read_bytes()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    made = Authority(tmp_path / "tsa")
    made.folder.mkdir()
    made.make("made-up authority")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            answer = made.stamp(query) if made.answer is None else made.answer
            self.send_response(made.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
        yield made
        server.shutdown()
        thread.join()


def test_a_timestamp_is_had_and_openssl_verifies_it(authority: Authority, tmp_path: Path) -> None:
    asked = Rfc3161Authority("made-up", authority.url, authority.folder / "root.pem")
    (tmp_path / "text").write_bytes(b"log.example\n5\nroot\n")
    (tmp_path / "stamp.tsr").write_bytes(asked.stamp(b"log.example\n5\nroot\n"))
    arguments = ["-data", str(tmp_path / "text"), "-in", str(tmp_path / "stamp.tsr"), "-CAfile", "root.pem"]
    authority.openssl("ts", "-verify", *arguments)
    assert b"log.example" not in authority.asked[0], "only a hash goes out"


def test_a_timestamp_of_another_text_or_from_another_time_is_refused(authority: Authority) -> None:
    asked = Rfc3161Authority("made-up", authority.url, authority.folder / "root.pem")
    authority.answer = asked.stamp(b"one text")
    for text in (b"another text", b"one text"):  # the second with another nonce: an answer that was kept
        with pytest.raises(PermanentError, match="does not answer with a timestamp that can be trusted"):
            asked.stamp(text)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\x30\x03\x02\x01\x00", b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_timestamp_is_refused(authority: Authority, answer: bytes) -> None:
    authority.answer = answer
    with pytest.raises(PermanentError, match="does not answer with a timestamp"):
        Rfc3161Authority("made-up", authority.url, authority.folder / "root.pem").stamp(b"text")


def test_an_authority_below_another_root_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    other.folder.mkdir()
    other.make("made-up authority")
    with pytest.raises(PermanentError, match="does not answer"):
        Rfc3161Authority("made-up", authority.url, other.folder / "root.pem").stamp(b"text")


def test_an_authority_that_does_not_answer_may_be_asked_again(authority: Authority) -> None:
    authority.status = 503
    with pytest.raises(PassingError, match="answers 503"):
        Rfc3161Authority("made-up", authority.url, authority.folder / "root.pem").stamp(b"text")
    authority.status, authority.answer = 200, bytes(300 << 10)
    with pytest.raises(PassingError, match="too long"):
        Rfc3161Authority("made-up", authority.url, authority.folder / "root.pem").stamp(b"text")
    with pytest.raises(PassingError, match="cannot be asked"):
        Rfc3161Authority("made-up", "http://127.0.0.1:1/", authority.folder / "root.pem").stamp(b"text")


def test_certificates_that_are_none_are_named(authority: Authority) -> None:
    for file, match in (("nothing", "cannot be read"), ("tsa.cnf", "no root"), ("tsa.pem", "no root")):
        with pytest.raises(ConfigurationError, match=match):
            Rfc3161Authority("made-up", authority.url, authority.folder / file)
