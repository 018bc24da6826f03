"""A change of an own list is in the audit log before it is made, and what came of it after."""

from pathlib import Path

import pytest

from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import AuditError, ConfigurationError, RefusedError, UnrecordedError
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.own_lists import ListImportOrder, survey
from goodhoster.model.verdicts import Category
from tests.full_log import LogFullAt

WHOSE = ("police", Category.ILLEGAL)


@pytest.fixture
def lists(tmp_path: Path) -> RecordedLists:
    return RecordedLists(tmp_path / "lists", FileAuditLog(tmp_path / "audit.log"))


def told(lists: RecordedLists) -> list[tuple[str, object, object]]:
    events = [entry.event for entry in lists.audit.entries()]
    return [(event.kind, event.data.get("actor"), event.data.get("entries")) for event in events]


def test_who_brought_and_who_took_a_list_is_on_record(lists: RecordedLists, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("00" * 20 + "\n" + "11" * 20 + "\n")
    lists.import_files(ListImportOrder([file], *WHOSE), "root")
    lists.remove("police", None, "anna")
    assert told(lists) == [
        ("list.intended", "root", None),
        ("list.imported", None, 2),
        ("list.intended", "anna", None),
        ("list.removed", None, 2),
    ]
    assert next(iter(lists.audit.entries())).event.data["files"] == [str(file)]


def test_what_came_to_nothing_has_an_intention_only(lists: RecordedLists, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        lists.import_files(ListImportOrder([tmp_path / "missing"], *WHOSE), "root")
    with pytest.raises(RefusedError):
        lists.remove("police", None, "root")
    assert [kind for kind, *_ in told(lists)] == ["list.intended", "list.intended"]


def test_without_a_record_nothing_changes(lists: RecordedLists, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("00" * 20 + "\n")
    with pytest.raises(AuditError):
        RecordedLists(lists.directory, FileAuditLog(tmp_path / "nowhere/audit.log")).import_files(
            ListImportOrder([file], *WHOSE), "root"
        )
    assert list(survey(lists.directory)) == []


def test_a_change_whose_outcome_cannot_be_recorded_is_told_as_made(lists: RecordedLists, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("00" * 20 + "\n")
    full = RecordedLists(lists.directory, LogFullAt(tmp_path / "audit.log", "list.imported"))
    with pytest.raises(UnrecordedError, match="the lists of police are imported and in force, but that cannot be"):
        full.import_files(ListImportOrder([file], *WHOSE), "root")
    assert len(list(survey(lists.directory))) == 1
    full = RecordedLists(lists.directory, LogFullAt(tmp_path / "audit.log", "list.removed"))
    with pytest.raises(UnrecordedError, match="the lists of police are removed, but that cannot be recorded"):
        full.remove("police", None, "root")
    assert list(survey(lists.directory)) == []
