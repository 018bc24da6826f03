"""Notifiers who sign mails with S/MIME and OpenPGP, by the programs that people use, with keys made on the spot."""

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HEAD = (
    "From: Hotline <desk@hotline.example>\r\nReply-To: answers@hotline.example\r\nTo: abuse@hoster.example\r\n"
    "Subject: [M0000000009] Melding\r\nDate: Mon, 02 Mar 2026 11:00:00 +0000\r\nMessage-ID: <9@hotline.example>\r\n"
    "MIME-Version: 1.0\r\n"
)


def part(url: str, more: str = "") -> bytes:
    """What is to be signed."""
    text = f"Content-Type: text/plain; charset=utf-8\n{more}\nPlease remove {url} at once.\n"
    return text.replace("\n", "\r\n").encode()


def run(folder: Path, *argv: str, given: bytes = b"") -> bytes:
    home = os.environ | {"GNUPGHOME": str(folder)}
    return subprocess.run(argv, cwd=folder, env=home, input=given, capture_output=True, check=True).stdout


@dataclass(frozen=True)
class Smime:
    """A key and its certificate, made by openssl."""

    folder: Path

    @classmethod
    def made(
        cls, folder: Path, kind: str = "rsa:2048", address: str = "desk@hotline.example", days: str = "2"
    ) -> "Smime":
        folder.mkdir(exist_ok=True)
        options = ("-pkeyopt", "ec_paramgen_curve:P-256") if kind == "ec" else ()
        subject = ("-subj", f"/CN={address}", "-addext", f"subjectAltName=email:{address}", "-days", days)
        run(
            folder,
            "openssl",
            "req",
            "-x509",
            "-newkey",
            kind,
            *options,
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "cert",
            *subject,
        )
        return cls(folder)

    @property
    def certificate(self) -> bytes:
        return (self.folder / "cert").read_bytes()

    def signature(self, content: bytes, *options: str) -> bytes:
        argv = ("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-signer", "cert", "-inkey", "key", *options)
        return run(self.folder, *argv, given=content)

    def detached(self, content: bytes, *options: str, head: str = HEAD) -> bytes:
        return together(content, self.signature(content, *options), "application/pkcs7-signature", head)

    def opaque(self, content: bytes, *options: str, head: str = HEAD) -> bytes:
        kind = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        encoded = base64.encodebytes(self.signature(content, "-nodetach", *options))
        return f"{head}{kind}Content-Transfer-Encoding: base64\r\n\r\n".encode() + encoded


@dataclass(frozen=True)
class OpenPgp:
    """A key, made by gpg."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, kind: str = "ed25519", expire: str = "never") -> "OpenPgp":
        folder.mkdir(mode=0o700, exist_ok=True)
        signer = cls(folder)
        signer.gpg("--quick-generate-key", "desk@hotline.example", kind, "sign", expire)
        return signer

    def gpg(self, *argv: str, given: bytes = b"") -> bytes:
        quiet = ("--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", "")
        return run(self.folder, "gpg", *quiet, *argv, given=given)

    def end(self) -> None:
        """The agent that gpg started."""
        run(self.folder, "gpgconf", "--kill", "all")

    @property
    def keys(self) -> bytes:
        return self.gpg("--export")

    @property
    def armored(self) -> bytes:
        return self.gpg("--armor", "--export")

    def revoke(self) -> None:
        (certificate,) = (self.folder / "openpgp-revocs.d").glob("*.rev")
        self.gpg("--import", given=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def signature(self, content: bytes, *options: str) -> bytes:
        return self.gpg("--armor", "--detach-sign", *options, given=content)

    def detached(self, content: bytes, *options: str, head: str = HEAD) -> bytes:
        return together(content, self.signature(content, *options), "application/pgp-signature", head)

    def inline(self, content: bytes) -> bytes:
        head, _, text = content.partition(b"\r\n\r\n")
        return HEAD.encode() + head + b"\r\n\r\n" + self.gpg("--clear-sign", given=text)


def together(content: bytes, signature: bytes, kind: str, head: str = HEAD) -> bytes:
    """multipart/signed, with the sentence that many programs write before it."""
    armored = signature.startswith(b"-----")
    lines = (
        f'{head}Content-Type: multipart/signed; protocol="{kind}"; micalg=sha-256; boundary="b=_1"\r\n\r\n'
        "This is a signed message: http://preamble.example/\r\n--b=_1\r\n"
    )
    coding = "" if armored else "Content-Transfer-Encoding: base64\r\n"
    written = signature if armored else base64.encodebytes(signature)
    last = f"\r\n--b=_1\r\nContent-Type: {kind}; name=signature\r\n{coding}\r\n".encode()
    return lines.encode() + content + last + written + b"\r\n--b=_1--\r\nhttp://epilogue.example/\r\n"
