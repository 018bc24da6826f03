"""Each check has a legal basis, or that is told; one whose end has passed stops, and its files are unchecked."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.legal_basis import SqliteLegalBasisStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.checking.hasher import DirectHasher
from goodhoster.checking.legal_basis import without_basis
from goodhoster.customers.legal_basis import LegalBasisRegister
from goodhoster.errors import UnrecordedError
from goodhoster.examination import Examiner
from goodhoster.model.customers.legal_basis import ANY, LegalBasis
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import VerdictKind
from goodhoster.policy.legal_basis import checks
from goodhoster.ports import HashSource
from tests.full_log import LogFullAt

NOON = datetime(2026, 4, 3, 12, tzinfo=UTC)
TODAY = NOON.date()


def basis(tree: str = ANY, source: str = ANY, until: date | None = None) -> LegalBasis:
    return LegalBasis(tree, source, "contract, clause 7", "anna", NOON, until)


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([], "missing"),
        ([basis("/other")], "missing"),
        ([basis(source="other")], "missing"),
        ([basis()], "holds"),
        ([basis(until=TODAY)], "ends-soon"),
        ([basis(until=TODAY + timedelta(29))], "ends-soon"),
        ([basis(until=TODAY + timedelta(30))], "holds"),
        ([basis(until=TODAY - timedelta(1))], "ended"),
        ([basis(until=TODAY - timedelta(1)), basis("/srv", "police")], "holds"),
        ([basis(), basis("/srv", "police", until=TODAY - timedelta(1))], "ended"),
        ([basis(), basis("/srv", until=TODAY - timedelta(1))], "ended"),
    ],
)
def test_the_most_specific_entry_counts_to_the_end_of_its_last_day(entries: Sequence[LegalBasis], state: str) -> None:
    (check,) = checks(entries, ["/srv"], ["police"], TODAY)
    assert check.state == state


def test_each_decision_is_in_the_audit_log_with_what_it_replaces(tmp_path: Path) -> None:
    log = FileAuditLog(tmp_path / "audit.log")
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        register = LegalBasisRegister(SqliteLegalBasisStore(record), log, lambda: NOON)
        register.decide(basis(until=TODAY))
        register.decide(basis())
        (check,) = register.checks([b"/srv"], ["police"])
        assert check.state == "holds"
    kinds = [entry.event.kind for entry in log.entries()]
    assert kinds == ["legal-basis.intended", "legal-basis.set"] * 2
    *_, last = log.entries()
    assert (last.event.data["actor"], last.event.data["before_until"]) == ("anna", "2026-04-03")


def test_another_process_and_the_passing_of_the_day_are_noticed(tmp_path: Path) -> None:
    now, clock = [NOON], [0.0]
    log = FileAuditLog(tmp_path / "audit.log")
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        store = SqliteLegalBasisStore(record)
        ours = LegalBasisRegister(store, log, lambda: now[0], lambda: clock[0])
        assert ours.ended_sources(b"/srv", ["police"]) == frozenset()
        store.put(basis(until=TODAY))
        clock[0] = 6
        assert ours.ended_sources(b"/srv", ["police"]) == frozenset()
        now[0] = NOON + timedelta(days=1)
        assert ours.ended_sources(b"/srv", ["police"]) == {"police"}


@pytest.mark.parametrize(
    ("stopped", "kind", "reason", "asked"),
    [
        (frozenset(), VerdictKind.CLEAR, "", (1, 1)),
        (frozenset({"police"}), VerdictKind.UNCHECKED, "no-legal-basis", (0, 1)),
        (frozenset({"police", "own"}), VerdictKind.UNCHECKED, "no-legal-basis", (0, 0)),
    ],
)
def test_a_file_whose_check_is_stopped_is_unchecked_and_asked_of_nobody_stopped(
    tmp_path: Path, stopped: frozenset[str], kind: VerdictKind, reason: str, asked: tuple[int, int]
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff made up")
    police, own = MemorySource({}, name="police"), MemorySource({}, name="own")
    hasher = DirectHasher(ReadingLimits())

    def permitted(sources: Sequence[HashSource], _: Place) -> Sequence[HashSource]:
        return without_basis(sources, stopped)

    examiner = Examiner([police, own], hasher, lambda: NOON, permitted=permitted)
    place = Place(bytes(tmp_path), b"a.jpg")
    with examiner.examine(place) as found:
        assert (found.verdict.kind, found.verdict.reason) == (kind, reason)
    assert (len(police.asked), len(own.asked)) == asked


def test_a_register_that_cannot_be_read_is_no_clear(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff made up")

    def broken(_sources: Sequence[HashSource], _place: Place) -> Sequence[HashSource]:
        raise OSError

    examiner = Examiner([MemorySource({})], DirectHasher(ReadingLimits()), lambda: NOON, permitted=broken)
    with examiner.examine(Place(bytes(tmp_path), b"a.jpg")) as found:
        assert found.verdict.kind is VerdictKind.UNCHECKED


def test_a_decision_whose_outcome_cannot_be_logged_is_told_as_made(tmp_path: Path) -> None:
    log = LogFullAt(tmp_path / "audit.log", "legal-basis.set")
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        register = LegalBasisRegister(SqliteLegalBasisStore(record), log, lambda: NOON)
        with pytest.raises(UnrecordedError, match="is set, but that cannot be recorded"):
            register.decide(basis())
        (check,) = register.checks([b"/srv"], ["police"])
        assert check.state == "holds"
