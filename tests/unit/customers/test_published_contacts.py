"""security.txt and answers of RDAP servers, as they are published."""

import json
from datetime import UTC, datetime

import pytest

from goodhoster.customers.contacts.published import abuse_contacts, faults_of_security_txt
from goodhoster.errors import UnreadableError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOOD = "Contact: mailto:abuse@hoster.example\nExpires: 2026-12-31T23:00:00.000Z\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD, ""),
        (f"# ours\r\n{GOOD}Preferred-Languages: en, nl\r\n", ""),
        (GOOD.replace("Contact: mailto:", "contact:https://hoster.example/"), ""),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{GOOD}", ""),
        (GOOD.replace("Contact", "Contacts"), "no Contact"),
        (GOOD.replace("mailto:", ""), "not a mailto"),
        (GOOD + "Expires: 2027-01-01T00:00:00Z\n", "2 Expires"),
        ("Contact: mailto:a@b.example\n", "no Expires"),
        (GOOD.replace("2026-12", "2026-01"), "expired on 2026-01-31"),
        (GOOD.replace("2026-12-31T23:00:00.000Z", "next year"), "not a date"),
        ("<!DOCTYPE html><title>404</title>", "no Contact"),
    ],
)
def test_security_txt(text: str, fault: str) -> None:
    faults = "; ".join(faults_of_security_txt(text, NOON))
    assert (fault in faults) if fault else not faults


def card(mail: str, **parameters: object) -> list[object]:
    return ["vcard", [["version", {}, "text", "4.0"], ["email", parameters, "text", mail]]]


@pytest.mark.parametrize(
    ("entities", "found"),
    [
        ([{"roles": ["abuse"], "vcardArray": card("abuse@hoster.example")}], ("abuse@hoster.example",)),
        (
            [{"roles": ["registrant"], "entities": [{"roles": ["noc", "abuse"], "vcardArray": card("a@x.example")}]}],
            ("a@x.example",),
        ),
        ([{"roles": ["registrant"], "vcardArray": card("a@x.example", type="abuse")}], ("a@x.example",)),
        (
            [{"roles": ["abuse"], "vcardArray": ["vcard", [["contact-uri", {}, "uri", "https://x.example/abuse"]]]}],
            ("https://x.example/abuse",),
        ),
        ([{"roles": ["technical"], "vcardArray": card("noc@x.example")}], ()),
        ([{"roles": "abuse", "vcardArray": [1, 2, 3]}, 7, {"roles": ["abuse"], "vcardArray": ["vcard", [[]]]}], ()),
    ],
)
def test_abuse_contacts(entities: list[object], found: tuple[str, ...]) -> None:
    assert abuse_contacts(json.dumps({"objectClassName": "ip network", "entities": entities})) == found


@pytest.mark.parametrize("answer", ["", "<html>", "[]", "{}", "[" * 100_000])
def test_what_is_no_answer_is_not_an_empty_one(answer: str) -> None:
    with pytest.raises(UnreadableError):
        abuse_contacts(answer)
