"""Delivery reports as mail servers write them."""

import pytest

from goodhoster.model.notices import Carrier, DeliveryReport, RawNotice
from goodhoster.notices.reading.encoding import notice_of, plain
from goodhoster.notices.reading.reader import read

HEAD = "From: MAILER-DAEMON@mx.example\nTo: abuse+b@hoster.example\nSubject: Undelivered\nMIME-Version: 1.0\n"


def report(fields: str, kind: str = "message/delivery-status", more: str = "") -> bytes:
    return (
        f'{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: {kind}\n{more}\n"
        f"Reporting-MTA: dns; mx.example\nArrival-Date: Mon, 2 Mar 2026 11:00:00 +0000\n\n{fields}\n--b--\n"
    ).encode()


def found(raw: bytes) -> tuple[DeliveryReport, ...]:
    notice = read(RawNotice(Carrier.MAIL, raw))
    assert notice_of(plain(notice)) == notice
    return notice.deliveries


@pytest.mark.parametrize("kind", ["message/delivery-status", "message/global-delivery-status"])
@pytest.mark.parametrize(
    ("action", "status", "failed"),
    [
        ("failed", "5.1.1", True),
        ("Failed (no such user)", "5.1.1 (bad destination mailbox address)", True),
        ("failed", "4.4.7", False),
        ("failed", "", False),
        ("failed", "5.1", False),
        ("delayed", "4.2.0", False),
        ("delayed", "5.1.1", False),
        ("relayed", "2.0.0", False),
        ("expanded", "2.1.5", False),
        ("delivered", "2.0.0", False),
        ("", "5.1.1", False),
    ],
)
def test_only_what_failed_for_good_has_failed(kind: str, action: str, status: str, failed: bool) -> None:  # noqa: FBT001
    (one,) = found(report(f"Final-Recipient: rfc822; <Eva@Client.example>\nAction: {action}\nStatus: {status}\n", kind))
    assert one.receivers == ("eva@client.example",)
    assert one.failed is failed


def test_each_receiver_has_its_own_report() -> None:
    fields = (
        "Original-Recipient: rfc822; all@client.example\nFinal-Recipient: rfc822; a@client.example\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user here\n\n"
        "Final-Recipient: rfc822; b@client.example\nAction: relayed\nStatus: 2.0.0\n"
    )
    assert found(report(fields)) == (
        DeliveryReport(("a@client.example", "all@client.example"), "failed", "5.1.1"),
        DeliveryReport(("b@client.example",), "relayed", "2.0.0"),
    )


def test_an_address_beyond_ascii() -> None:
    fields = "Final-Recipient: utf-8; l\\x{F6}schung@client.example\nAction: failed\nStatus: 5.1.1\n"
    (one,) = found(report(fields, "message/global-delivery-status"))
    assert one.receivers == ("löschung@client.example",)
    (raw,) = found(
        report(fields.replace("\\x{F6}", "ö"), "message/global-delivery-status", "Content-Transfer-Encoding: 8bit\n")
    )
    assert raw.receivers == ("löschung@client.example",)


def test_a_report_that_is_only_enclosed_says_nothing() -> None:
    inner = report("Final-Recipient: rfc822; eva@client.example\nAction: failed\nStatus: 5.1.1\n").decode()
    outer = (
        f'{HEAD}Content-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n'
    )
    assert found(outer.encode()) == ()
    flat = report("Final-Recipient: rfc822; eva@client.example\nAction: failed\nStatus: 5.1.1\n")
    assert found(flat.replace(b"multipart/report", b"multipart/mixed")) == ()


@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "made-up"])
def test_whatever_it_holds_reading_ends(cte: str) -> None:
    for fields in ("", ":", "Final-Recipient: ;;\n", "Final-Recipient: x;" + "\\x{FFFFFF}" * 1000, "=" * 9000):
        found(report(fields, more=f"Content-Transfer-Encoding: {cte}\n"))
