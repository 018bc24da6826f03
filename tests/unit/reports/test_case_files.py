"""Reports about a case: complete, valid, without a picture, and refused where nothing is known."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import xarf

from goodhoster.errors import RefusedError
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState
from goodhoster.model.notices import NotifierKind
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match
from goodhoster.reports.case_files import Reporting, eu_record, police_report, xarf_of
from goodhoster.testing.suites.hash_source import made_up

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)
CASE = Case(
    id="20260517-abcdefg",
    state=CaseState.OFFLINE,
    upload=Upload(Place(b"/srv", b"anna/\x1b[2J\xff.jpg"), "anna", FileState(1, 2, 3, int(1.7e18), int(1.7e18))),
    digests=made_up("known").digests,
    matches=(Match("police", "sha1", Category.BASELINE),),
    opened_at=NOW,
    measures=(Measure(MeasureKind.QUARANTINE, MeasureState.DONE),),
    closed_at=NOW,
)
US = Reporting("Made-up Hosting", "abuse@hoster.example", "hoster.example")
URL = "https://anna.example/a.jpg"


def test_our_own_detection_is_valid_xarf() -> None:
    report = xarf_of(CASE, URL, None, US)
    parsed = xarf.parse(json.dumps(report))
    assert parsed.errors == []
    assert parsed.report is not None
    assert (report["classification"], report["content_removed"]) == ("baseline", True)
    assert "evidence" not in report
    assert report == xarf_of(CASE, URL, None, US)  # the same report again has the same id


@pytest.mark.parametrize("classification", ["baseline", "A1", "A2", "B1", "B2"])
def test_a_classification_that_a_person_says_is_valid(classification: str) -> None:
    case = replace(CASE, matches=(Match("police", "sha1"),), state=CaseState.HELD)
    report = xarf_of(case, URL, classification, US)
    assert xarf.parse(json.dumps(report)).errors == []
    assert report["content_removed"] is False


@pytest.mark.parametrize("matches", [(), (Match("police", "pdq", Category.BASELINE, 3),), (Match("police", "sha1"),)])
def test_what_no_source_says_is_not_reported_as_known(matches: tuple[Match, ...]) -> None:
    with pytest.raises(RefusedError):
        xarf_of(replace(CASE, matches=matches), URL, None, US)


def test_a_record_for_the_eu_is_complete_and_names_nobody() -> None:
    record = eu_record(CASE, {})
    assert record["source_type"] == "SOURCE_VOLUNTARY"
    assert record["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    assert len(record["decision_facts"]) <= 5000
    assert len(record["illegal_content_legal_ground"]) <= 500
    assert len(record["illegal_content_explanation"]) <= 2000
    assert "anna" not in json.dumps(record)
    noticed = replace(CASE, notice="N1", notifier="h", actor="eve")
    flagged = eu_record(noticed, {"h": NotifierKind.TRUSTED_FLAGGER})
    assert (flagged["source_type"], flagged["automated_detection"]) == ("SOURCE_TRUSTED_FLAGGER", "No")
    assert flagged["automated_decision"] == "AUTOMATED_DECISION_PARTIALLY"
    assert "digest" in flagged["illegal_content_explanation"]
    only_reported = eu_record(replace(noticed, matches=()), {})
    assert "digest" not in only_reported["illegal_content_explanation"]
    assert eu_record(noticed, {"h": NotifierKind.HOTLINE})["source_type"] == "SOURCE_ARTICLE_16"
    for state in set(CaseState) - {CaseState.OFFLINE}:
        with pytest.raises(RefusedError):
            eu_record(replace(CASE, state=state), {})


def test_a_case_by_an_order_is_not_said_to_come_by_a_notice_of_the_public() -> None:
    noticed = replace(CASE, notice="N1", notifier="", actor="eve")
    assert eu_record(noticed, {}, by_order=True)["source_type"] == "SOURCE_TYPE_OTHER_NOTIFICATION"
    assert eu_record(noticed, {})["source_type"] == "SOURCE_ARTICLE_16"


def test_the_police_read_what_is_known_and_nothing_that_a_terminal_obeys() -> None:
    entries = [
        AuditEntry(7, NOW, AuditEvent("measure.done", {"case": CASE.id}), b""),
        AuditEntry(8, NOW, AuditEvent("measure.done", {"case": "another"}), b""),
    ]
    text = police_report([CASE], entries, US)
    for told in (CASE.id, "anna", CASE.digests.sha256.hex(), "entries 7\n", "police (baseline)"):
        assert told in text
    assert text.replace("\n", "").isprintable()
    assert "kept, locked and unseen" in text
    assert "kept, locked" not in police_report([CASE, replace(CASE, state=CaseState.RESTORED)], entries, US)
