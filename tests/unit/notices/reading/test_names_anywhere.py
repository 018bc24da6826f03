"""A name or network of ours anywhere in a notice is found, however it is split, encoded or disguised."""

import base64
import binascii
import json
from urllib.parse import urlencode

import pytest

from goodhoster.model.notices import Carrier, RawNotice, ReadNotice
from goodhoster.notices.reading.reader import read

ITEM = "http://other.example/a.jpg"
OURS = "http://carl.example/secret/b.jpg"
IN_BASE64 = base64.b64encode(OURS.encode()).decode()
ARMOR = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----"


def mail(body: str, *heads: str) -> ReadNotice:
    head = "\n".join(("From: desk@free.example", "To: abuse@hoster.example", "Subject: Notice", *heads))
    return read(RawNotice(Carrier.MAIL, f"{head}\n\n{body}\n".encode()))


def beside(what: str, text: str = "x", *, kind: str = "mixed") -> ReadNotice:
    body = f"--b\nContent-Type: text/plain\n\n{ITEM}\n--b\n{what}\n\n{text}\n--b--"
    return mail(body, f"Content-Type: multipart/{kind}; boundary=b")


@pytest.mark.parametrize(
    "text",
    [
        f"https://r.example/?u={IN_BASE64}",
        f"https://r.example/{IN_BASE64}/x",
        f"https://r.example/?u=x1{IN_BASE64}",
        base64.b64encode(IN_BASE64.encode()).decode(),
        base64.b64encode(OURS.encode("utf-16")).decode(),
        base64.b32encode(OURS.encode()).decode(),
        "\n".join(base64.encodebytes(OURS.rjust(90).encode()).decode().splitlines()),
        "https://r.example/?u=http%25253A%25252F%25252Fc%252561rl.example%25252Fb.jpg",
        "https://r.example/?u=http%2525252525253A%2525252525252F%2525252525252Fc%252525252561rl.example",
        f"https://r.example/?u={OURS.encode().hex()}",
        OURS.encode().hex(" "),
        "begin 644 a\n" + binascii.b2a_uu(OURS.encode()).decode() + "`\nend",
        r"\u0063arl\u002eexample",
        r"\x63arl\x2eexample",
        "=63arl=2Eexample",
        "[carl].[example]",
        r"carl\.example",
        '"carl"."example"',
        "(carl)(.)(example)",
        "c*a*r*l.e*x*a*m*p*l*e",
        "**carl**.**example**",
        "carl,example",
        "carl_example",
        "carl-dot-example",
        "carl_dot_example",
        "carl\u00b7example",
        "www2.carl.example",
        "a.b.carl.example",
    ],
)
def test_a_name_in_a_text(text: str) -> None:
    assert "carl.example" in mail(f"{ITEM}\n{text}").mentions
    as_html = f"<p>{ITEM}</p><!-- {text} -->"
    assert "carl.example" in mail(as_html, "Content-Type: text/html").mentions


@pytest.mark.parametrize(
    "name",
    [
        "http://carl.example/b.jpg",
        "http://ca\nrl.example/f.png",
        "http://carl.\nexample/f.png",
        "http://c\u200barl.example/f.png",
        "http://carl.exam\u00adple/f.png",
        "http://carl\u3002example/",
        "carl\t.example",
        "\u202eelpmaxe.lrac\u202c",
        "\\u200bcarl\\u200b.\\u00adexample",
    ],
)
def test_a_name_in_the_fields_of_a_request(name: str) -> None:
    fields = {"urls": [ITEM], "reason": f"also {name}", "name": "N", "email": "q@q.example", "good_faith": True}
    for ascii_only in (True, False):
        body = json.dumps(fields, ensure_ascii=ascii_only).encode()
        assert "carl.example" in read(RawNotice(Carrier.DSA_JSON, body)).mentions
    form = urlencode(fields | {"urls": ITEM}).encode()
    assert "carl.example" in read(RawNotice(Carrier.DSA_FORM, form)).mentions
    attached = beside("Content-Type: application/json", json.dumps({"a": [{f"also {name}": 1}]}))
    assert "carl.example" in attached.mentions


def test_uuencoded_lines_without_their_begin() -> None:
    assert "carl.example" in mail(f"{ITEM}\n{binascii.b2a_uu(OURS.encode()).decode()}").mentions


def test_a_name_that_is_shown_backwards() -> None:
    for shown in ("<bdo dir=rtl>elpmaxe.lrac</bdo>", "<bdo dir='rtl'>elpm<b>axe</b>.lrac</bdo>"):
        assert "carl.example" in mail(f"<p>{ITEM}</p>{shown}", "Content-Type: text/html").mentions
    assert (
        "carl.example" in mail(f"{ITEM}\n\u202eelpmaxe.lrac\u202c", "Content-Type: text/plain; charset=utf-8").mentions
    )


@pytest.mark.parametrize(
    "text",
    [
        "1.77.0.127.in-addr.arpa",
        "127-0-77-1.dyn.isp.example",
        "127,0,77,1",
        "<!-- http://2130726145/x -->",
        "<!-- http://0x7f.0.0x4d.1/x -->",
    ],
)
def test_an_address_in_other_spellings(text: str) -> None:
    assert "127.0.77.1" in mail(f"<p>{ITEM}</p> {text}", "Content-Type: text/html").mentions


def test_a_reverse_name_of_a_network_and_of_ipv6() -> None:
    assert "127.0.77.0" in mail(f"{ITEM}\n77.0.127.in-addr.arpa").mentions
    assert "2001:db8::" in mail(f"{ITEM}\n8.b.d.0.1.0.0.2.ip6.arpa").mentions


@pytest.mark.parametrize(
    "kind",
    [
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
        "message/partial; id=x; number=1; total=2",
        "message/delivery-status",
        "message/feedback-report",
        "message/rfc822",
    ],
)
def test_a_name_in_a_part_of_any_kind(kind: str) -> None:
    assert "carl.example" in beside(f"Content-Type: {kind}", OURS).mentions
    inner = beside(f"Content-Type: {kind}", f"Subject: x\n\n{OURS}")
    assert "carl.example" in inner.mentions or OURS in [item.urls[0] for item in inner.items]


def test_a_signature_is_one_only_where_signatures_stand() -> None:
    for kind in ("application/pgp-signature", "application/pkcs7-signature"):
        signed = beside(f"Content-Type: {kind}", OURS, kind="signed")
        assert "carl.example" in signed.mentions
    binary = "Content-Transfer-Encoding: base64\nContent-Type: application/pkcs7-signature; name=smime.p7s"
    der = base64.encodebytes(b"\x30\x82\x01\x00" + bytes(256)).decode()
    assert beside(binary, der, kind="signed").unread == ()
    assert len(beside(binary, der).unread) == 1
    assert len(beside(binary, base64.encodebytes(b"PK\x03\x04\0\xff").decode(), kind="signed").unread) == 1
    assert beside("Content-Type: application/pgp-signature", ARMOR, kind="signed").unread == ()
    commented = ARMOR.replace("\n\n", f"\nComment: {OURS}\n\n", 1)
    assert "carl.example" in beside("Content-Type: application/pgp-signature", commented, kind="signed").mentions


@pytest.mark.parametrize(
    "header",
    [
        f"Content-Location: {OURS}",
        f"Content-Description: {OURS}",
        "Content-Description: =?utf-8?b?aHR0cDovL2NhcmwuZXhhbXBsZS8=?=",
        "Content-Type: image/gif; name=carl.example",
        "Content-Disposition: inline; filename*=utf-8''c%61rl.example",
        'Content-Disposition: inline; filename*0="carl."; filename*1="example"',
        f'Content-Type: message/external-body; access-type=URL; URL="{OURS}"',
        "Content-ID: <1@carl.example>",
    ],
)
def test_a_name_in_the_headers_of_a_part(header: str) -> None:
    assert "carl.example" in beside(header).mentions
    inner = f"Subject: x\nContent-Type: multipart/mixed; boundary=i\n\n--i\n{header}\n\nx\n--i--"
    encoded = base64.encodebytes(inner.encode()).decode()
    assert (
        "carl.example"
        in beside('Content-Type: application/x; name="a.eml"\nContent-Transfer-Encoding: base64', encoded).mentions
    )


def test_a_part_whose_content_is_not_here_is_unread() -> None:
    partial = beside("Content-Type: message/partial; id=x; number=1; total=2", "Subject: y\n\nx")
    external = beside("Content-Type: message/external-body; access-type=URL; URL=x", "Content-Type: text/plain\n\n")
    assert [len(partial.unread), len(external.unread)] == [1, 1]


def test_how_a_mail_was_sent_is_no_part_of_the_notice() -> None:
    assert mail(ITEM, "Reply-To: x@carl.example", "Received: from carl.example", "X-A: carl.example").mentions == ()
    assert "carl.example" not in beside("Content-Type: message/rfc822", "To: x@carl.example\nSubject: x\n\nx").mentions


def test_names_above_the_hosts_of_items_are_no_mention() -> None:
    assert "free.example" not in mail("http://klant7.free2.example/a.jpg\nwww.klant7.free2.example").mentions
    assert "free2.example" not in mail("http://klant7.free2.example/a.jpg\nwww.klant7.free2.example").mentions


@pytest.mark.slow
def test_a_name_that_is_repeated_hides_no_other() -> None:
    assert "carl.example" in mail(f"{ITEM}\n" + "x.example " * 250_000 + "carl.example").mentions
