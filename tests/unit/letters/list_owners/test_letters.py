"""What those who keep hash sources are owed, and the letters that tell them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.mailers.memory import MemoryMailer
from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import PassingError
from goodhoster.letters.list_owners.letters import ListOwnerLetters
from goodhoster.letters.list_owners.reports import ListOwnerReports
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import Exemption, OwnerReport
from goodhoster.model.letters import Letter
from goodhoster.model.verdicts import Category, Match
from goodhoster.testing.suites.hash_source import made_up


def clock() -> datetime:
    return datetime(2026, 11, 24, 12, tzinfo=UTC)


def exempt(text: str = "logo", source: str = "police", algorithm: str = "sha1") -> Match:
    exemption = Exemption("wordpress-6.4.3", Algorithm.SHA256, made_up(text).digests)
    return Match(source, algorithm, Category.OTHER, exemption=exemption)


class MadeUpOwners:
    """One of them has an address."""

    def address_of(self, source: str) -> str:
        return "lists@police.example" if source == "police" else ""

    def version_of(self, report: OwnerReport) -> str:
        return f"imported for {report.algorithm}"

    def origin_of(self, set_name: str) -> str:
        return f"archive of {set_name}\nBcc: somebody"


class Desk:
    """The book, the writer and the outbox of one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = ListOwnerReports(folder / "reports", clock)
        self.outbox = Outbox(folder / "letters", clock, 3)
        self.audit = FileAuditLog(folder / "audit.log")

    def writer(self, *, automatic: bool = True, language: str = "en") -> ListOwnerLetters:
        head = Letterhead("Made-up hoster", "abuse@hoster.example", "nl" if language == "nl" else "en")
        return ListOwnerLetters(self.reports, self.outbox, self.audit, head, MadeUpOwners(), automatic)

    def letters(self) -> list[Letter]:
        mailer = MemoryMailer()
        self.outbox.deliver(mailer)
        return mailer.sent


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_once_for_each_source_and_content_over_restarts_too(desk: Desk) -> None:
    for _ in range(3):
        desk.reports.queue_reports([exempt(), exempt(algorithm="md5"), exempt("smiley"), exempt(source="hotline")])
        desk.writer().write()
    assert [letter.to for letter in desk.letters()] == ["lists@police.example"] * 2
    assert [report.source for report in desk.reports.waiting()] == ["hotline"]
    assert [e.event.kind for e in desk.audit.entries()] == ["exemption.reported"] * 2


def test_what_an_earlier_version_sent_is_not_sent_again(desk: Desk) -> None:
    desk.reports.queue_reports([exempt()])
    desk.writer().write()
    (desk.folder / "reports/sent").rename(desk.folder / "reports/told")
    later = Desk(desk.folder)
    later.reports.queue_reports([exempt()])
    assert later.reports.was_sent(exempt())
    assert list(later.reports.waiting()) == []


def test_a_match_that_is_not_exempt_is_nothing_to_report(desk: Desk) -> None:
    match = Match("police", "sha1")
    desk.reports.queue_reports([match])
    assert list(desk.reports.waiting()) == []
    assert desk.reports.was_sent(match) is None


@pytest.mark.parametrize(("language", "says"), [("en", "is known here to be harmless"), ("nl", "onschuldig is")])
def test_the_letter_has_all_that_the_owner_needs_and_nothing_else(desk: Desk, language: str, says: str) -> None:
    desk.reports.queue_reports([exempt()])
    desk.writer(language=language).write()
    (letter,) = desk.letters()
    digests = made_up("logo").digests
    for told in (*(digests.of(each).hex for each in Algorithm), "police", "sha1", "other", "wordpress-6.4.3", says):
        assert told in letter.text
    assert "imported for sha1" in letter.text
    assert "2026-11-24 12:00 UTC" in letter.text
    assert "\nBcc" not in letter.text
    assert "http" not in letter.text
    assert "police" in letter.subject


def test_a_crash_between_letter_and_note_writes_no_second_letter(desk: Desk) -> None:
    desk.reports.queue_reports([exempt()])
    waiting = {path: path.read_bytes() for path in (desk.folder / "reports/waiting").iterdir()}
    desk.writer().write()
    for path, content in waiting.items():
        path.write_bytes(content)
    desk.writer().write()
    assert len(desk.letters()) == 1


@pytest.mark.parametrize(("source", "automatic", "why"), [("hotline", True, "no owner"), ("police", False, "observe")])
def test_whom_nobody_tells_is_said_once_and_told_later(
    desk: Desk, caplog: pytest.LogCaptureFixture, *, source: str, automatic: bool, why: str
) -> None:
    match = exempt(source=source)
    desk.reports.queue_reports([match])
    writer = desk.writer(automatic=automatic)
    writer.write()
    writer.write()
    (line,) = caplog.messages
    assert why in line
    assert made_up("logo").digests.sha1.hex() in line
    assert desk.reports.was_sent(match) is False
    assert desk.letters() == []
    if source == "police":  # the mode is enforce again
        desk.writer().write()
        assert desk.reports.was_sent(match) is True
        assert len(desk.letters()) == 1


def test_a_disk_that_refuses_keeps_the_match_from_being_a_case(desk: Desk) -> None:
    (desk.folder / "reports").write_text("no directory")
    with pytest.raises(PassingError, match="cannot be kept"):
        desk.reports.queue_reports([exempt()])


def test_who_only_looks_leaves_nothing_behind(desk: Desk) -> None:
    assert (list(desk.reports.waiting()), desk.reports.was_sent(exempt())) == ([], None)
    assert not (desk.folder / "reports").exists()
