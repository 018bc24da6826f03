"""What a reply or a reminder says more strictly holds for the notice: a shorter term, and that nobody is told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.model.notices import TrustLevel
from tests.unit.takedowns.test_desk import EVA
from tests.unit.takedowns.test_incoming_mail import Mailroom

HOUR = timedelta(hours=1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path)
    yield room
    room.services.close()


def reply(room: Mailroom, text: str, more: str = "") -> None:
    room.answer(f"Subject: Re: x\nIn-Reply-To: {room.message_id(room.sent('receipt'))}{more}", text)


@pytest.mark.parametrize(
    ("text", "more", "left"),
    [
        ("It must be gone within two hours.", "", 2 * HOUR),
        ("Remove it within one minute!", "", HOUR),
        ("Take your time: within 72 hours is fine.", "", 20 * HOUR),
        ("Thank you.", "", 20 * HOUR),
        ("Please note: within one hour.", "\nAuto-Submitted: auto-replied", 20 * HOUR),
    ],
)
def test_a_reply_shortens_the_term_and_never_lengthens_it(
    room: Mailroom, text: str, more: str, left: timedelta
) -> None:
    room.services.level = TrustLevel.UNAUTHENTICATED
    notice = room.services.scart(room.services.file("anna/p.jpg"))
    room.services.later(hours=4)
    reply(room, text, more)
    after = room.services.store.get(notice.id)
    assert after.deadline
    assert after.deadline - room.services.now == left
    assert after.due
    assert after.due <= after.deadline


def test_a_reply_that_says_so_makes_its_notice_confidential(room: Mailroom) -> None:
    room.services.level = TrustLevel.UNAUTHENTICATED
    notice = room.services.scart(room.services.file("anna/p.jpg"))
    reply(room, "By the way, please do not inform your customer.")
    room.services.desk.confirm(notice.id, EVA)
    room.services.later(hours=1)
    assert "statement:anna-withheld" in room.services.store.get(notice.id).sent
    assert "statement" not in room.services.letters()


def test_a_reminder_holds_for_the_notice_that_it_repeats(room: Mailroom) -> None:
    room.services.level = TrustLevel.UNAUTHENTICATED
    services, url = room.services, room.services.file("anna/p.jpg")
    first = services.mail(url)
    services.later(hours=4)
    again = services.mail(f"{url}\n\nReminder: it must be gone within three hours. Do not tell the uploader.")
    assert again.duplicate_of == first.id
    earlier = services.store.get(first.id)
    assert earlier.deadline == again.deadline == services.now + 3 * HOUR
    services.desk.confirm(first.id, EVA)
    services.later(hours=1)
    assert "statement" not in services.letters()


def test_a_reminder_with_a_longer_term_changes_nothing(room: Mailroom) -> None:
    services, url = room.services, room.services.file("anna/p.jpg")
    services.level = TrustLevel.UNAUTHENTICATED
    first = services.mail(f"{url}\n\nWithin two hours, please remove it.")
    services.later(hours=1)
    services.mail(f"{url}\n\nReminder: within 24 hours, please remove it.")
    assert services.store.get(first.id).deadline == first.deadline
