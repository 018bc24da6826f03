"""Mails that prove themselves by other means than DKIM (S/MIME, OpenPGP, a forwarder's ARC chain): nothing is done by
itself, nothing is lost, and what can be read is read for the person who looks.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.host import Host
from tests.journeys.noticehost import NoticeHost

HEAD = (
    "From: Hotline <desk@hotline.example>\nTo: abuse@hoster.example\nSubject: [M0000000009] Melding\n"
    "Date: Mon, 02 Mar 2026 11:00:00 +0000\nMessage-ID: <9@hotline.example>\nMIME-Version: 1.0\n"
)
Sign = Callable[[Path, bytes], bytes]


def run(folder: Path, *argv: str, given: bytes = b"") -> bytes:
    home = os.environ | {"GNUPGHOME": str(folder)}
    return subprocess.run(argv, cwd=folder, env=home, input=given, capture_output=True, check=True).stdout


def certificate(folder: Path) -> None:
    subject = ("-subj", "/CN=desk@hotline.example", "-days", "1")
    run(folder, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", *subject)


def smime_signed(folder: Path, part: bytes) -> bytes:
    certificate(folder)
    return HEAD.encode() + run(folder, "openssl", "cms", "-sign", "-signer", "cert", "-inkey", "key", given=part)


def smime_opaque(folder: Path, part: bytes) -> bytes:
    certificate(folder)
    argv = ("openssl", "cms", "-sign", "-nodetach", "-signer", "cert", "-inkey", "key")
    return HEAD.encode() + run(folder, *argv, given=part)


def smime_encrypted(folder: Path, part: bytes) -> bytes:
    certificate(folder)
    return HEAD.encode() + run(folder, "openssl", "cms", "-encrypt", "-aes256", "cert", given=part)


def gpg(folder: Path, *argv: str, given: bytes = b"") -> bytes:
    folder.chmod(0o700)
    return run(
        folder, "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *argv, given=given
    )


def pgp_signed(folder: Path, part: bytes) -> bytes:
    gpg(folder, "--quick-generate-key", "desk@hotline.example", "ed25519", "sign")
    signature = gpg(folder, "--armor", "--detach-sign", given=part)
    kind = 'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary=s\n\n'
    name = b"\n--s\nContent-Type: application/pgp-signature; name=signature.asc\n\n"
    return HEAD.encode() + kind.encode() + b"--s\n" + part + name + signature + b"--s--\n"


def pgp_inline(folder: Path, part: bytes) -> bytes:
    gpg(folder, "--quick-generate-key", "desk@hotline.example", "ed25519", "sign")
    head, _, text = part.partition(b"\n\n")
    return HEAD.encode() + head + b"\n\n" + gpg(folder, "--clear-sign", given=text)


def arc_sealed(_folder: Path, part: bytes) -> bytes:
    """A forwarder says that it found the hotline's signature to match before it changed the mail."""
    tags = "i=1; a=rsa-sha256; d=forwarder.example; s=arc; t=1772449200;"
    chain = (
        f"ARC-Seal: {tags} cv=none; b=bWFkZSB1cA==\n"
        f"ARC-Message-Signature: {tags} c=relaxed/relaxed; h=from:subject; bh=bWFkZSB1cA==; b=bWFkZSB1cA==\n"
        "ARC-Authentication-Results: i=1; forwarder.example; dkim=pass header.d=hotline.example\n"
    )
    return chain.encode() + HEAD.encode() + part


READABLE: dict[str, Sign] = {
    "s-mime-signed": smime_signed,
    "pgp-signed": pgp_signed,
    "pgp-inline": pgp_inline,
    "arc-sealed": arc_sealed,
}
SEALED: dict[str, Sign] = {"s-mime-opaque": smime_opaque, "s-mime-encrypted": smime_encrypted}


@pytest.mark.debian("openssl")
@pytest.mark.debian("gnupg", program="gpg")
def test_they_wait_for_a_person_and_none_is_lost(host: Host, tmp_path: Path) -> None:
    noticed = NoticeHost(host)
    noticed.configure()
    ways = READABLE | SEALED
    urls = {way: noticed.upload("anna", f"{way}.jpg") for way in ways}
    for way, sign in ways.items():
        (tmp_path / way).mkdir()
        part = f"Content-Type: text/plain; charset=utf-8\n\nPlease remove {urls[way]} at once.\n"
        notice = noticed.receive(sign(tmp_path / way, part.encode()))
        assert (notice["state"], notice["level"], notice["notifier"]) == ("needs-person", "unauthenticated", None), way
        assert [item["url"] for item in notice["items"]] == ([urls[way]] if way in READABLE else []), way
        assert notice["doubts"], way
        assert notice["reference"] in {"M0000000009", ""}, way
    assert all(map(noticed.there, urls.values()))
    assert (noticed.safe(), host.audit("measure.intended")) == (len(ways), [])
