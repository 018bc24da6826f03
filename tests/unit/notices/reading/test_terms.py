"""By when a notice wants something gone, in words and digits, in any language and format."""

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Carrier, Notifier, NotifierCaps, NotifierKind, RawNotice, ReadNotice
from goodhoster.notices.reading.reader import read
from goodhoster.notices.reading.terms import terms_in
from goodhoster.takedowns.deadlines import DeadlineTerms, deadline_of

URL = "http://anna.example/photos/a1.jpg"
MONDAY = datetime(2026, 11, 30, 10, tzinfo=UTC)
"""Noon in the earliest zone that counts where none is told."""
HOTLINE = Notifier(
    "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400.0, caps=NotifierCaps(1, 1), automatic=True
)
AUTHORITY = Notifier(
    "atkm", "ATKM", NotifierKind.AUTHORITY, ("authority.example",), 43200.0, caps=NotifierCaps(1, 1), automatic=True
)


def mail(text: str, subject: str = "Notice", kind: str = "text/plain") -> ReadNotice:
    head = f"From: x@hotline.example\r\nSubject: {subject}\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n"
    return read(
        RawNotice(
            Carrier.MAIL, f"{head}MIME-Version: 1.0\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{text}".encode()
        )
    )


def hours(found: ReadNotice, notifier: Notifier | None = HOTLINE, received: datetime = MONDAY) -> float:
    end = deadline_of(Receipt("N1", received, Carrier.MAIL, bytes(32)), found, notifier, DeadlineTerms())
    return (end - received) / timedelta(hours=1)


def said(text: str, notifier: Notifier | None = HOTLINE, received: datetime = MONDAY) -> float:
    return hours(mail(f"Please see {URL}\r\n\r\n{text}\r\n"), notifier, received)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Please remove it within one hour.", 1),
        ("It must be inaccessible within 60 minutes of receipt.", 1),
        ("You have two hours to take it down.", 2),
        ("Remove it in 3 hours.", 3),
        ("Deadline: 1 hour", 1),
        ("Time limit: six (6) hours", 6),
        ("Please act within the hour.", 1),
        ("Please act within half an hour.", 0.5),
        ("Take it offline no later than 4 hours after receipt.", 4),
        ("A 2-hour deadline applies.", 2),
        ("Gelieve het binnen een uur te verwijderen.", 1),
        ("Binnen het uur ontoegankelijk maken.", 1),
        ("Termijn: 2 uur", 2),
        ("U heeft 3 uur om het te verwijderen.", 3),
        ("Bitte innerhalb einer Stunde löschen.", 1),
        ("Frist: 2 Stunden", 2),
        ("Sie haben sechs Stunden Zeit.", 6),
        ("À retirer dans un délai d'une heure.", 1),
        ("À retirer dans les deux heures.", 2),
        ("Retírelo en el plazo de una hora.", 1),
        ("Da rimuovere entro due ore.", 2),
        ("Remova no prazo de duas horas.", 2),
        ("Usunąć w ciągu dwóch godzin.", 2),
        ("Odstraňte to do jedné hodiny.", 1),
        ("Ta bort det inom en timme.", 1),
        ("Fjern det inden for to timer.", 2),
        ("Poista se tunnin kuluessa.", 1),
    ],
)
def test_spans_in_twelve_languages(text: str, term: float) -> None:
    assert said(text) == term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("To be removed before 2026-11-30 18:00 UTC.", 8),
        ("To be removed by 2026-11-30T15:00:00+01:00.", 4),
        ("Remove it by 6 pm CET.", 7),
        ("Remove it by 3pm.", 3),
        ("Uiterlijk 30 november 2026 om 16:00 uur verwijderen.", 4),
        ("Vóór 30-11-2026 16.00 uur.", 4),
        ("Bis heute, 18 Uhr, entfernen.", 6),
        ("À retirer avant le 30 novembre à 15h30 UTC.", 5.5),
        ("Remove it before the end of business.", 5),
        ("Remove it by tomorrow noon.", 24),
        ("Remove it by tomorrow.", 12),
        ("Bis morgen 8 Uhr entfernen.", 20),
        ("Remove it by Tuesday 9:00.", 21),
        ("Voor dinsdag verwijderen.", 12),
        ("Please remove this today.", 5),
        ("Remove it by December 1, 2026 at 6 am UTC.", 20),
        ("Entro domani alle 10:00.", 22),
        ("Senast tisdag kl 08:00.", 20),
    ],
)
def test_moments_are_read_as_the_earliest_that_can_be_meant(text: str, term: float) -> None:
    assert said(text) == term


@pytest.mark.parametrize(
    "text",
    [
        "Please remove it within 72 hours.",
        "Remove it by Friday.",
        "Deadline: 2026-12-24 12:00 UTC",
        "We received 3 reports within the last hour.",
        "The file was uploaded 2 hours ago.",
        "It was first seen before 2026-11-28 10:00.",
        "Our desk is open 24 hours a day; we reply within one hour.",
        "Please remove it immediately.",
        "Vänligen svara på min begäran inom den angivna tiden.",
        "Preserve it until 2026-11-30 15:00.",
        "The picture shows a clock, at 12:00.",
    ],
)
def test_nothing_lengthens_a_term_and_other_times_are_none(text: str) -> None:
    assert said(text) == 24
    assert said(text, None) == 24


def test_a_moment_that_just_passed_leaves_the_shortest_term() -> None:
    assert said("Remove it before 2026-11-30 09:00 UTC.") == 1
    assert said("Remove it by 11:00.") == 1
    assert said("Remove it before 2026-11-20 09:00 UTC.") == 24, "long ago: it is no term of this notice"


@pytest.mark.parametrize(
    "text",
    [
        "Remove it immediately.",
        "Without undue delay.",
        "Onverwijld verwijderen.",
        "Unverzüglich löschen.",
        "Sofort sperren.",
        "À retirer sans délai.",
        "Retírelo de inmediato, sin demora.",
        "Rimuovere immediatamente.",
        "Sem demora.",
        "Niezwłocznie usunąć.",
        "Neprodleně odstraňte.",
        "Ta bort det omedelbart.",
        "Fjern det uden ophold.",
        "Poista viipymättä.",
    ],
)
def test_at_once_is_one_hour_of_an_authority_and_nothing_of_others(text: str) -> None:
    assert said(text, AUTHORITY) == 1
    assert said(text, HOTLINE) == 24
    assert said(text, None) == 24


def test_somebody_unproven_cannot_set_less_than_an_hour() -> None:
    assert said("Remove it within one minute.", None) == 1
    assert said("Remove it within one hour.", None) == 1
    assert hours(mail(f"Removal order\r\nDeadline: 1 minute\r\n{URL}"), None) == 1
    assert said("Remove it within 30 minutes.", HOTLINE) == 0.5


def test_what_is_quoted_below_is_not_the_senders_own_term() -> None:
    assert said("On Friday, x@y.example wrote:\r\n> Remove it within one hour.") == 24


def test_every_part_and_format_is_read() -> None:
    assert hours(mail(URL, subject="Notice M4728 - within one hour")) == 1
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>{URL}</td><td></td></tr></table>'
    assert hours(mail(f"<p>Binnen een uur verwijderen.</p>{table}", "NTD [M2026150001]", "text/html")) == 1
    listed = "--b\r\n\r\nRemove these within 2 hours.\r\n--b\r\n"
    listed += f"Content-Type: text/csv; name=l.csv\r\n\r\nurl;ip\r\n{URL};\r\n--b--"
    assert hours(mail(listed, kind="multipart/mixed; boundary=b")) == 2
    dsa = {"urls": [URL], "reason": "Remove it within 3 hours.", "good_faith": True}
    assert hours(read(RawNotice(Carrier.DSA_JSON, json.dumps(dsa).encode()))) == 3
    assert (
        hours(read(RawNotice(Carrier.DSA_JSON, json.dumps({**dsa, "reason": "", "deadline": "1 hour"}).encode()))) == 1
    )
    xarf = {"xarf_version": "4.0.0", "url": URL, "description": "within 4 hours"}
    assert hours(read(RawNotice(Carrier.XARF_JSON, json.dumps(xarf).encode()))) == 4
    form = {"urls": URL, "reason": "Remove it within 5 hours.", "ip": "192.0.2.1", "note": "within 6 hours"}
    assert hours(read(RawNotice(Carrier.DSA_FORM, urlencode(form).encode()))) == 5


def test_hostile_texts_cost_time_in_proportion_to_their_length() -> None:
    for piece in ("within ", "1 hour ", "by 1.1.26 ", "before friday ", "half an hour in ", "11:11:11 "):
        begun = time.process_time()
        terms_in([piece * (60_000 // len(piece))], this_year=2026)
        quarter = time.process_time() - begun
        begun = time.process_time()
        terms_in([piece * (240_000 // len(piece))], this_year=2026)
        assert time.process_time() - begun < 12 * quarter + 1
