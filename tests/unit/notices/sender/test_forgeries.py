"""A forger at work: mails that want to be the hotline's, by somebody who has seen its mails and has a domain.
None of them is believed.
"""

import base64
import hashlib
import quopri
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dkim
import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.model.notices import Forwarder, Notifier, NotifierCaps, NotifierKind, SeenMail, TrustLevel
from goodhoster.notices.sender.dkim_evaluation import TrustContext
from goodhoster.notices.sender.forwarding import ForwarderCheck
from goodhoster.notices.sender.trust import Trust
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster.testing.signed_mail import MailSigner

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
US = "mx.hoster.example"
HOTLINE = MailSigner.ed25519("hotline.example")
FORGER = MailSigner.ed25519("evil.example")
REGISTER = tuple(
    Notifier(name, name, kind, (domain,), 86400, automatic=True, caps=NotifierCaps(100, 20))
    for name, kind, domain in (
        ("hotline", NotifierKind.HOTLINE, "hotline.example"),
        ("authority", NotifierKind.AUTHORITY, "authority.example"),
    )
)
TARGET = b"http://victim.example/innocent.jpg"


def written(body: bytes = b"Graag weghalen: http://anna.example/a.jpg\r\n", more: bytes = b"") -> bytes:
    return (
        b"From: Meldpunt <ntd@hotline.example>\r\nTo: abuse@hoster.example\r\nSubject: [M0123456789] Verzoek\r\n"
        b"Date: Tue, 24 Nov 2026 11:05:00 +0100\r\nMessage-ID: <n1@hotline.example>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n" + more + b"\r\n" + body
    )


NARROW = ("From", "Subject", "Date", "Message-ID", "Content-Type")
SIGNED = HOTLINE.sign(written())
OTHERS_BODY = b"\r\n\r\nGraag weghalen: " + TARGET + b"\r\n"


def stale() -> bytes:
    """The hotline's own signature above a body of the forger's."""
    return SIGNED[: SIGNED.index(b"\r\n\r\n")] + OTHERS_BODY


def results(text: str) -> bytes:
    return f"Authentication-Results: {text}\r\n".encode() + stale()


def beside_own_signature(text: str, identity: bytes = b"x@evil.example") -> bytes:
    """With a signature of the forger's, too: our server finds it to match, and copies its identity."""
    mail = stale()
    own = dkim.DKIM(mail).sign(
        FORGER.selector.encode(), b"evil.example", FORGER.private, signature_algorithm=b"ed25519-sha256",
        include_headers=[b"from"], identity=identity,
    )  # fmt: skip
    return f"Authentication-Results: {text}\r\n".encode() + bytes(own) + mail


def written_by(author: str) -> bytes:
    return FORGER.sign(written().replace(b"Meldpunt <ntd@hotline.example>", author.encode()))


def recoded(encoding: bytes, body: bytes, *, sealed: bytes = b"", kind: bytes = b"text/plain") -> bytes:
    """A mail that the hotline signed without its encoding, which the forger then sets."""
    raw = HOTLINE.sign(written(body, sealed).replace(b"text/plain", kind), headers=NARROW)
    return raw.replace(sealed, b"").replace(b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\n" + encoding)


def with_second(header: bytes) -> bytes:
    return header + b"\r\n" + SIGNED


FORGERIES: dict[str, Callable[[], bytes]] = {
    # results that a sender makes our own server write
    "mailfrom-atext": lambda: results(f"{US}; spf=pass smtp.mailfrom=dkim=pass/header.d=hotline.example@evil.example"),
    "mailfrom-quoted": lambda: results(f'{US}; spf=pass smtp.mailfrom="; dkim=pass header.d=hotline.example"@b.c'),
    "mailfrom-unquoted": lambda: results(f"{US}; spf=pass smtp.mailfrom=a; dkim=pass header.d=hotline.example; x=y"),
    "mailfrom-domain-first": lambda: results(f"{US}; spf=pass smtp.mailfrom=b.c; dkim=pass header.d=hotline.example"),
    "helo": lambda: results(f"{US}; spf=none smtp.helo=x;dkim=pass(a)header.d=hotline.example;x=y"),
    "comment-closed": lambda: results(f"{US}; spf=none (from a) ; dkim=pass header.d=hotline.example; x=y (@b.c)"),
    "comment-after-name": lambda: results(f"{US} (a); dkim=pass header.d=hotline.example; x=y (b)"),
    "comment-before-method": lambda: results(f"{US}; (a) dkim=pass header.d=hotline.example"),
    "auth-name": lambda: results(f"{US}; auth=pass smtp.auth=x; dkim=pass header.d=hotline.example"),
    "reason": lambda: results(f'{US}; dmarc=fail reason="a\\"; dkim=pass header.d=hotline.example; x=\\""'),
    "ptr-name": lambda: results(f"{US}; iprev=pass (host) ; dkim=pass header.d=hotline.example; x=y (c)"),
    "identity-decoded": lambda: beside_own_signature(
        f"{US}; dkim=pass header.d=evil.example header.i=x@evil.example; dkim=pass header.d=hotline.example",
        b"x@evil.example=3B=20dkim=3Dpass=20header.d=3Dhotline.example=3B=20x=3D@evil.example",
    ),
    "identity-not-decoded": lambda: beside_own_signature(
        f"{US}; dkim=pass header.d=evil.example header.i=dkim=pass/header.d=hotline.example@evil.example"
    ),
    "more-results-than-signatures": lambda: results(
        f"{US}; dkim=pass header.d=hotline.example; dkim=pass header.d=evil.example"
    ),
    "passed-and-failed": lambda: beside_own_signature(
        f"{US}; dkim=pass header.d=hotline.example; dkim=fail header.d=hotline.example header.s=ed"
    ),
    "signature-of-another": lambda: results(f"{US}; dkim=pass header.d=hotline.example header.b=AAAAAAAA"),
    "key-of-another": lambda: results(f"{US}; dkim=pass header.d=hotline.example header.s=other"),
    "weak-signature-speaks-for-another": lambda: (
        f"Authentication-Results: {US}; dkim=pass header.d=hotline.example\r\n".encode()
        + HOTLINE.sign(stale(), headers=["From"])
    ),
    "only-spf-and-dmarc": lambda: results(f"{US}; spf=pass smtp.mailfrom=hotline.example; dmarc=pass"),
    "two-in-our-name": lambda: (
        f"Authentication-Results: {US}; dkim=pass header.d=hotline.example\r\n".encode()
        + results(f"{US}; dkim=none")
    ),
    "unreadable-in-our-name": lambda: (
        f"Authentication-Results: {US}; dkim=none (\r\n".encode()
        + results(f"{US}; dkim=pass header.d=hotline.example")
    ),
    "below-the-second-hop": lambda: (
        b"Received: from b by a; x\r\nReceived: c; x\r\n" + results(f"{US}; dkim=pass header.d=hotline.example")
    ),
    "name-that-only-begins-like-ours": lambda: results(f"{US}.evil.example; dkim=pass header.d=hotline.example"),
    "old-name-of-the-header": lambda: (
        f"X-Authentication-Results: {US}; dkim=pass header.d=hotline.example\r\n".encode() + stale()
    ),
    "not-even-a-signature": lambda: (
        f"Authentication-Results: {US}; dkim=pass header.d=hotline.example\r\n".encode()
        + written(b"http://victim.example/\r\n")
    ),
    # ARC of somebody else, and results in it
    "arc-results-alone": lambda: (
        f"ARC-Authentication-Results: i=1; {US}; dkim=pass header.d=hotline.example\r\n".encode() + stale()
    ),
    "arc-unsealed": lambda: (
        b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=helpdesk.example; s=rsa; b=AAAA\r\nARC-Message-Signature: i=1;"
        b" a=rsa-sha256; d=helpdesk.example; s=rsa; h=from:subject:date:message-id:content-type; bh=AAAA; b=AAAA\r\n"
        b"ARC-Authentication-Results: i=1; mx.helpdesk.example; dkim=pass header.d=hotline.example\r\n" + stale()
    ),
    # another reading of what the hotline did sign
    "encoding-set-to-base64": lambda: recoded(
        b"Content-Transfer-Encoding: base64\r\n", b"Graag weghalen: " + base64.b64encode(TARGET) + b"\r\n"
    ),
    "encoding-set-to-base64-of-a-body-that-is-base64": lambda: recoded(
        b"Content-Transfer-Encoding: base64\r\n", base64.b64encode(TARGET) + b"\r\n"
    ),
    "encoding-changed-to-base64": lambda: recoded(
        b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes(TARGET * 9).replace(b"\n", b"\r\n"),
        sealed=b"Content-Transfer-Encoding: 7bit\r\n",
    ),
    "encoding-base64-taken-away": lambda: recoded(
        b"", base64.b64encode(TARGET) + b"\r\n", sealed=b"Content-Transfer-Encoding: base64\r\n"
    ),
    "encoding-set-to-base64-of-a-multipart-without-parts": lambda: recoded(
        b"Content-Transfer-Encoding: base64\r\n", base64.b64encode(TARGET) + b"\r\n", kind=b"multipart/mixed"
    ),
    "encoding-set-behind-a-comment": lambda: recoded(
        b"Content-Transfer-Encoding: (a) base64\r\n", base64.b64encode(TARGET) + b"\r\n"
    ),
    "encoding-uuencode-taken-away": lambda: recoded(
        b"", b"begin 644 a\r\n#86)C\r\n`\r\nend\r\n", sealed=b"Content-Transfer-Encoding: x-uuencode\r\n"
    ),
    "encoding-set-to-quoted-printable-of-a-url-that-looks-escaped": lambda: recoded(
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"Graag weghalen: http://anna.example/?a=AB.jpg\r\n"
    ),
    "encoding-set-to-quoted-printable-of-a-url-that-looks-like-utf-8": lambda: recoded(
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"Graag weghalen: http://anna.example/?a=C3=A9.jpg\r\n"
    ),
    "encoding-set-to-quoted-printable-of-a-url-that-ends-in-the-sign": lambda: recoded(
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"http://anna.example/" + b"a" * 50 + b"?b=\r\nand-more.jpg\r\n",
    ),
    "encoding-set-to-quoted-printable": lambda: recoded(
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"http://anna.example/?to=2Fetc=\r\n/b.jpg\r\n"
    ),
    "encoding-set-to-uuencode": lambda: recoded(b"Content-Transfer-Encoding: x-uuencode\r\n", b"begin 644 a\r\n\r\n"),
    "encoding-taken-away": lambda: recoded(
        b"", quopri.encodestring(b"http://anna.example/?a=b\n").replace(b"\n", b"\r\n"),
        sealed=b"Content-Transfer-Encoding: quoted-printable\r\n",
    ),
    "encoding-twice": lambda: recoded(
        b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n", b"text\r\n"
    ),
    "content-type-on-top": lambda: with_second(b'Content-Type: multipart/mixed; boundary="[M"'),
    "subject-on-top": lambda: with_second(b"Subject: [M9999999999]"),
    "from-on-top": lambda: with_second(b"From: ntd@hotline.example"),
    "body-replaced": stale,
    "body-appended": lambda: SIGNED + TARGET,
    "body-before": lambda: SIGNED.replace(b"\r\n\r\n", b"\r\n\r\n" + TARGET + b"\r\n"),
    "l-tag": lambda: HOTLINE.sign(written(), part_of_body=True) + TARGET,
    # an author who is somebody else
    "signed-by-the-forger": lambda: FORGER.sign(written()),
    "name-of-the-hotline": lambda: written_by('"ntd@hotline.example" <x@evil.example>'),
    "comment-of-the-hotline": lambda: written_by("x@evil.example (ntd@hotline.example)"),
    "two-authors": lambda: written_by("x@evil.example, ntd@hotline.example"),
    "group-of-authors": lambda: written_by("Meldpunt: ntd@hotline.example, x@evil.example;"),
    "encoded-author": lambda: written_by("=?utf-8?q?ntd=40hotline=2Eexample?= <x@evil.example>"),
    "route": lambda: written_by("<@hotline.example:x@evil.example>"),
    "domain-with-a-nul": lambda: written_by("x@hotline.example\0.evil.example"),
    "sub-domain-of-the-forger": lambda: written_by("ntd@hotline.example.evil.example"),
    "look-alike": lambda: written_by("ntd@hotl\u0456ne.example"),
    "sender-header": lambda: b"Sender: ntd@hotline.example\r\n" + written_by("x@evil.example"),
    "resent": lambda: b"Resent-From: ntd@hotline.example\r\n" + written_by("x@evil.example"),
    "domain-tag-of-the-hotline": lambda: FORGER.sign(written()).replace(b"d=evil.example", b"d=hotline.example"),
}  # fmt: skip


def trust() -> Trust:
    keys = MemoryKeyRecords({signer.name: signer.record for signer in (HOTLINE, FORGER)})
    forwarders = (Forwarder("helpdesk.example"),)
    context = TrustContext(REGISTER, keys, MemorySeenMails(), US, forwarders)
    return Trust(context, [ForwarderCheck(context)])


def level_of(raw: bytes, after: timedelta = timedelta(), judge: Trust | None = None) -> TrustLevel:
    receipt = hashlib.sha256(raw + str(after).encode()).hexdigest()
    return (judge or trust()).of_mail(raw, SeenMail(receipt, NOON + after, own_server=True)).trust.level


def test_what_the_forgeries_are_made_of_is_believed() -> None:
    assert level_of(SIGNED) is TrustLevel.PINNED
    assert level_of(results(f"{US}; dkim=pass header.d=hotline.example")) is TrustLevel.PINNED
    assert level_of(HOTLINE.sign(written(), headers=NARROW)) is TrustLevel.PINNED


@pytest.mark.parametrize("forgery", FORGERIES)
def test_no_forgery_is_believed(forgery: str) -> None:
    raw = FORGERIES[forgery]()
    assert level_of(raw) not in {TrustLevel.PINNED, TrustLevel.AUTHORITY}


def test_a_replay_with_any_change_that_breaks_no_signature_is_not_believed() -> None:
    changes = [
        SIGNED, b"X-Other: 1\r\n" + SIGNED, b"Received: from x\r\n" + SIGNED, SIGNED + b"\r\n\r\n",
        SIGNED.replace(b"To: abuse", b"To:  abuse"), b"Reply-To: x@evil.example\r\n" + SIGNED,
        SIGNED.replace(b"DKIM-Signature: v=1;", b"DKIM-Signature: v=1; x-more=1;"),
    ]  # fmt: skip
    for number, changed in enumerate(changes):
        judge = trust()
        assert level_of(SIGNED, judge=judge) is TrustLevel.PINNED
        assert level_of(changed, timedelta(days=number + 1), judge) is TrustLevel.UNAUTHENTICATED


def test_there_are_more_than_forty() -> None:
    assert len(FORGERIES) > 45


CERTAIN = {
    "7bit": (b"Content-Transfer-Encoding: 7bit\r\n", b"Graag weghalen: http://anna.example/a.jpg\r\n"),
    "8bit": (b"Content-Transfer-Encoding: 8bit\r\n", "Löschen: http://anna.example/a.jpg\r\n".encode()),
    "quoted-printable": (
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"L=C3=B6schen: http://anna.example/?a=3Db\r\n",
    ),
    "nothing": (b"", b"\r\n"),
    "quoted-printable-of-long-lines": (
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Please have the pictures at the following address removed as soon as =\r\npossible: http://anna.example/a.jpg\r\n",
    ),
}


@pytest.mark.parametrize("encoding", CERTAIN)
def test_an_encoding_that_nobody_signed_and_that_is_the_only_one_possible_is_believed(encoding: str) -> None:
    header, body = CERTAIN[encoding]
    assert level_of(HOTLINE.sign(written(body, header), headers=NARROW)) is TrustLevel.PINNED


def test_a_body_in_base64_is_believed_where_its_encoding_is_signed() -> None:
    raw = written(base64.b64encode(TARGET) + b"\r\n", b"Content-Transfer-Encoding: base64\r\n")
    assert level_of(HOTLINE.sign(raw, headers=(*NARROW, "Content-Transfer-Encoding"))) is TrustLevel.PINNED


def test_a_multipart_has_no_encoding_of_its_own() -> None:
    body = b"--x\r\nContent-Type: text/plain\r\n\r\nhttp://a.example/?b=12\r\n--x--\r\n"
    raw = written(body, b"Content-Transfer-Encoding: base64\r\n").replace(
        b"text/plain; charset=utf-8", b'multipart/mixed; boundary="x"'
    )
    assert level_of(HOTLINE.sign(raw, headers=NARROW)) is TrustLevel.PINNED


def test_headers_that_shape_the_reading_are_read_only_where_they_are_signed() -> None:
    shaping = (
        b'Reply-To: x@evil.example\r\nContent-Disposition: attachment; filename="urls-M0123456789.csv"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
    )
    own = b"Reply-To: analist@hotline.example\r\n"
    signed = HOTLINE.sign(written(more=own), headers=(*NARROW, "Reply-To"))
    belief = trust().of_mail(shaping + signed, SeenMail("r1", NOON))
    assert belief.trust.level is TrustLevel.PINNED
    assert belief.says.content == b"Content-Transfer-Encoding: 7bit\r\n" + signed
    plain = HOTLINE.sign(written(), headers=NARROW)
    assert trust().of_mail(own + plain, SeenMail("r1", NOON)).says.content == plain
    last = plain.replace(b"\r\n\r\n", b"\r\nReply-To: x@evil.example\r\n\r\n", 1)
    assert trust().of_mail(last, SeenMail("r1", NOON)).says.content == plain
