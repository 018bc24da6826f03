"""Answers to applications: what is refused, held, clear or unchecked, and what is recorded before the answer."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.attempt_counts import SqliteAttemptCounts
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.attempts import reports_of, times_asked
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.storms import alert_text
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import AuditError, PassingError, RefusedError, SourceUnavailableError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.examination import Examiner
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.attempts import Attempt, AttemptOutcome
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import CaseState, MeasureKind, Order
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.storms import StormKind
from goodhoster.model.uploads import Place, Upload
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery, HashSource
from goodhoster.reports.facts import Measured
from goodhoster.reports.periods import Period
from goodhoster.reports.weekly import Weeks
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.drawn import jpeg
from goodhoster.testing.hostile import zip_of
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.upload_attempts import AttemptAnswer, AttemptCounts, AttemptDecision, UploadAttempts

PICTURE = b"\x89PNG\r\n\x1a\n made up"
ATTEMPT = Attempt("anna", "wordpress", "me.png", "clamd", "uid 33")
ORDER = Order("an administrator", "a family photo")


class Log(FileAuditLog):
    """An audit log whose disk may be full."""

    full = False

    def append_all(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        if self.full:
            raise AuditError("the disk is full")
        return super().append_all(events)


class World:
    """A machine at which applications ask."""

    def __init__(self, folder: Path, *, enforce: bool = True, measures: int = 100) -> None:
        self.source, self.folder = MemorySource({}), folder
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), Log(folder / "audit.log")
        self.rules = HouseRules(enforce=enforce, storm_customers=3, measures_per_hour=measures)
        self.ahead = timedelta()
        self.brake = brake_in_memory(self.store, self.audit, self.rules, self.now)
        self.desk = CaseDesk(
            self.store,
            self.audit,
            LocalQuarantine((os.fsencode(folder / "customers"),)),
            self.rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            self.now,
            self.brake,
        )
        hasher = DirectHasher(ReadingLimits(file_bytes=1000))
        self.attempts = UploadAttempts(Examiner((self.source,), hasher, self.desk.clock), self.desk)
        self.toolkit = toolkit_over((self.source,), self.store, self.audit, self.desk, hasher)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def know(self, content: bytes, category: Category = Category.ILLEGAL) -> None:
        self.source.known[Digest(Algorithm.SHA256, hashlib.sha256(content).digest())] = category

    def upload(self, content: bytes, customer: str = "anna") -> CaseState:
        """A file on disk that is known: what became of its case."""
        path = self.folder / "customers" / customer / hashlib.sha256(content).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.know(content)
        place = Place(os.fsencode(self.folder / "customers"), os.fsencode(f"{customer}/{path.name}"))
        with self.attempts.examiner.examine(place) as found:
            assert found.state
            assert found.content
            case = self.desk.open(Upload(place, customer, found.state), found.content.digests, found.verdict)
        assert case
        return case.state

    def ask_known(self, content: bytes, customer: str = "anna") -> AttemptDecision:
        self.know(content)
        return self.ask(content, replace(ATTEMPT, customer=customer)).decision

    def ask(self, content: bytes | int = PICTURE, attempt: Attempt = ATTEMPT) -> AttemptAnswer:
        return self.attempts.check(content, attempt)

    def close(self) -> None:
        self.store.close()


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make worlds that are closed at the end."""
    with ExitStack() as made:
        yield lambda **options: made.enter_context(closing(World(tmp_path, **options)))


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def test_what_no_source_knows_is_clear_and_leaves_nothing_behind(world: World) -> None:
    answer = world.ask()
    assert (answer.decision, answer.verdict.kind, answer.reference) == (AttemptDecision.CLEAR, VerdictKind.CLEAR, "")
    assert not world.store.find(CaseQuery())
    assert not list(world.audit.entries())


def test_known_content_is_refused_with_a_case_and_an_audit_entry_that_are_there_before_the_answer(
    world: World,
) -> None:
    world.know(PICTURE)
    answer = world.ask()
    assert answer.decision is AttemptDecision.REFUSED
    case = world.store.get(answer.reference)
    assert (case.state, case.upload.customer, case.verdict) == (CaseState.REFUSED, "anna", VerdictKind.KNOWN)
    assert case.is_attempt
    assert [measure.kind for measure in case.measures] == [MeasureKind.REFUSAL]
    assert case.closed_at is not None
    (entry,) = world.audit.entries()
    data = entry.event.data
    assert (entry.event.kind, data["case"], data["name"]) == ("attempt.decided", case.id, "me.png")
    assert (data["application"], data["outcome"]) == ("wordpress", "refused")


TEXT = b"no picture, and nothing is inside"


def test_a_small_content_that_is_clear_is_answered_at_once_and_counted(world: World) -> None:
    answer = world.attempts.clear_at_once(TEXT, ATTEMPT)
    assert answer is not None
    asked = world.ask(TEXT)
    assert (answer.decision, answer.reference) == (asked.decision, asked.reference) == (AttemptDecision.CLEAR, "")
    assert answer.verdict.answered == asked.verdict.answered
    assert world.attempts.counts.of(AttemptDecision.CLEAR) == 2


def test_whatever_is_not_surely_clear_is_not_answered_at_once(world: World) -> None:
    """Known, a source that fails or is elsewhere, a picture, an archive, too large: `check` tells then."""
    world.know(TEXT)
    assert world.attempts.clear_at_once(TEXT, ATTEMPT) is None
    for content in (bytes(1001), jpeg(1), zip_of({"a.txt": b"a"})):
        assert world.attempts.clear_at_once(content, ATTEMPT) is None
    other = TEXT + b"!"
    world.source.trouble = SourceUnavailableError("away", reason="timeout")
    assert world.attempts.clear_at_once(other, ATTEMPT) is None
    world.source.trouble, world.source.local = None, False
    assert world.attempts.clear_at_once(other, ATTEMPT) is None
    assert not world.store.find(CaseQuery())
    assert world.attempts.counts.of(AttemptDecision.CLEAR) == 0


def test_what_fails_is_not_clear_at_once(world: World) -> None:
    def broken(*_: object) -> Sequence[HashSource]:
        raise OSError

    attempts = replace(world.attempts, examiner=replace(world.attempts.examiner, permitted=broken))
    assert attempts.clear_at_once(TEXT, ATTEMPT) is None


def test_what_is_only_a_part_may_be_known_and_is_never_clear(world: World) -> None:
    answer = world.attempts.check(PICTURE, ATTEMPT, partial=True)
    assert (answer.decision, answer.reason) == (AttemptDecision.UNCHECKED, "partial")
    assert [world.attempts.counts.of(one) for one in (AttemptDecision.CLEAR, AttemptDecision.UNCHECKED)] == [0, 1]
    world.know(PICTURE)
    assert world.attempts.check(PICTURE, ATTEMPT, partial=True).decision is AttemptDecision.REFUSED


def test_counts_are_kept_by_day_and_the_unchecked_ones_at_once(tmp_path: Path) -> None:
    ledger, now = SqliteAttemptCounts(tmp_path / "attempts.sqlite"), datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    counts = AttemptCounts(ledger.add, lambda: now)
    counts.add(AttemptDecision.CLEAR)
    counts.add(AttemptDecision.CLEAR)
    counts.add(AttemptDecision.UNCHECKED)
    assert ledger.since(now.date()) == {"clear": 2, "unchecked": 1}
    now += timedelta(minutes=2)
    counts.add(AttemptDecision.UNCHECKED)
    assert ledger.since(now.date()) == {"unchecked": 1}
    counts.add(AttemptDecision.REFUSED)
    counts.close()
    assert ledger.since(now.date() - timedelta(days=1)) == {"clear": 2, "unchecked": 2, "refused": 1}
    ledger.close()


def test_counts_that_cannot_be_kept_now_are_kept_later(tmp_path: Path) -> None:
    kept: list[tuple[date, dict[str, int]]] = []
    full = True

    def keep(day: date, counts: Mapping[str, int]) -> None:
        if full:
            raise PassingError("the disk is full")
        kept.append((day, dict(counts)))

    counts = AttemptCounts(keep)
    counts.add(AttemptDecision.UNCHECKED)
    full = False
    counts.add(AttemptDecision.UNCHECKED)
    assert [found for _, found in kept] == [{"unchecked": 2}]


def test_nothing_is_refused_in_mode_observe_and_what_would_have_been_is_recorded(make_world: MakeWorld) -> None:
    world = make_world(enforce=False)
    world.know(PICTURE)
    answer = world.ask()
    assert (answer.decision, answer.verdict.kind) == (AttemptDecision.CLEAR, VerdictKind.KNOWN)
    case = world.store.get(answer.reference)
    assert (case.state, case.reason) == (CaseState.OBSERVED, "would be refused")


def test_a_source_that_fails_leaves_it_unchecked_and_counted(world: World) -> None:
    world.source.trouble = SourceUnavailableError("away", reason="timeout")
    answer = world.ask()
    assert (answer.decision, answer.reason) == (AttemptDecision.UNCHECKED, "timeout")
    assert world.attempts.counts.of(AttemptDecision.UNCHECKED) == 1


def test_what_cannot_be_recorded_is_neither_refused_nor_clear(world: World) -> None:
    world.know(PICTURE)
    world.audit.full = True
    answer = world.ask()
    assert (answer.decision, answer.reason) == (AttemptDecision.UNCHECKED, "not-recorded")
    assert not world.store.find(CaseQuery())


def test_a_storm_is_held_not_refused_and_counts_attempts_at_every_customer(world: World) -> None:
    world.know(PICTURE)
    answers = [world.ask(attempt=replace(ATTEMPT, customer=name)) for name in ("anna", "bert", "carl", "dora")]
    refused, held = AttemptDecision.REFUSED, AttemptDecision.HELD
    assert [answer.decision for answer in answers] == [refused, refused, held, held]
    assert world.store.get(answers[2].reference).state is CaseState.HELD


def contents(count: int, of: str = "") -> list[bytes]:
    return [PICTURE + f"{of}{number}".encode() for number in range(count)]


@pytest.mark.usefixtures("unlocked")
def test_an_application_that_asks_again_and_again_keeps_no_file_online(make_world: MakeWorld) -> None:
    """Neither by the cap of its customer nor by that of the source."""
    world = make_world(measures=5)
    answers = [world.ask_known(content) for content in contents(8, "a")]
    assert answers == [AttemptDecision.REFUSED] * 5 + [AttemptDecision.HELD] * 3
    for number in range(8):
        world.ask_known(PICTURE + b"of %d" % number, f"other{number}")
    kinds = [storm.cause.kind for storm in world.brake.storms.braking()]
    kinds += [part.cause.kind for storm in world.brake.open() for part in world.brake.storms.braking(storm.id)]
    assert set(kinds) == {StormKind.ATTEMPT_CUSTOMER_CAP, StormKind.ATTEMPT_SOURCE_CAP}
    assert [world.upload(content) for content in contents(5)] == [CaseState.OFFLINE] * 5
    assert world.upload(PICTURE + b"one more") is CaseState.HELD


@pytest.mark.usefixtures("unlocked")
def test_files_on_disk_keep_no_attempt_from_being_refused(make_world: MakeWorld) -> None:
    world = make_world(measures=5)
    states = [world.upload(content) for content in contents(6)]
    assert states == [CaseState.OFFLINE] * 5 + [CaseState.HELD]
    for number in range(6):
        world.upload(PICTURE + b"of %d" % number, f"other{number}")
    assert world.ask_known(PICTURE + b"asked") is AttemptDecision.REFUSED


def test_a_released_storm_of_attempts_is_counted_anew_and_lists_only_attempts(make_world: MakeWorld) -> None:
    world = make_world(measures=2)
    for content in contents(2):
        world.know(content)
    references = [world.ask(content).reference for content in contents(2)]
    assert world.ask_known(PICTURE + b"one more") is AttemptDecision.HELD
    (storm,) = world.brake.open()
    assert storm.cause.kind is StormKind.ATTEMPT_CUSTOMER_CAP
    assert set(storm.measures) == set(references)
    world.toolkit.release_storm(storm.id, ORDER)
    assert world.ask_known(PICTURE + b"after") is AttemptDecision.REFUSED


@pytest.mark.usefixtures("unlocked")
def test_what_applications_of_many_customers_ask_about_keeps_no_file_online(make_world: MakeWorld) -> None:
    """Neither is it held, nor is a storm of files part of the one that a customer brought about."""
    world = make_world()
    asked = [world.ask_known(PICTURE, name) for name in ("anna", "bert", "carl")]
    assert asked == [AttemptDecision.REFUSED, AttemptDecision.REFUSED, AttemptDecision.HELD]
    (storm,) = world.brake.open()
    assert storm.cause.kind is StormKind.ATTEMPT_CONTENT
    assert [world.upload(PICTURE, name) for name in ("anna", "bert", "carl")] == [CaseState.OFFLINE] * 2 + [
        CaseState.HELD
    ]
    kinds = {found.cause.kind: found for found in world.brake.open()}
    assert not kinds[StormKind.CONTENT].part_of
    assert set(kinds) == {StormKind.ATTEMPT_CONTENT, StormKind.CONTENT}
    assert "2 measures were ordered before" in alert_text(kinds[StormKind.CONTENT])


@pytest.mark.usefixtures("unlocked")
def test_files_at_many_customers_are_no_askers_of_attempts(make_world: MakeWorld) -> None:
    world = make_world()
    for name in ("anna", "bert"):
        world.upload(PICTURE, name)
    assert world.ask_known(PICTURE, "carl") is AttemptDecision.REFUSED


def test_who_cannot_be_told_is_no_customer_more_in_a_storm(make_world: MakeWorld) -> None:
    """A door by TCP takes everybody for its customer: one person would count twice."""
    world = make_world()
    world.know(PICTURE)
    for name in ("anna", "bert"):
        world.ask_known(PICTURE, name)
    for name in ("carl", "dora", "emil"):
        by_tcp = replace(ATTEMPT, customer=name, proven=False)
        assert world.ask(PICTURE, by_tcp).decision is AttemptDecision.REFUSED
    assert world.ask_known(PICTURE, "carl") is AttemptDecision.HELD


@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize("first", ["files", "attempts"])
def test_a_content_that_a_person_called_harmless_is_so_everywhere(make_world: MakeWorld, first: str) -> None:
    world = make_world()
    world.know(PICTURE)
    for name in ("anna", "bert", "carl"):
        if first == "files":
            world.upload(PICTURE, name)
        else:
            world.ask_known(PICTURE, name)
    (storm,) = world.brake.open()
    assert storm.cause.kind is (StormKind.CONTENT if first == "files" else StormKind.ATTEMPT_CONTENT)
    assert world.ask_known(PICTURE, "emil") is AttemptDecision.HELD
    world.toolkit.undo_storm(storm.id, ORDER)
    assert world.upload(PICTURE, "dora") is CaseState.HELD
    assert world.ask_known(PICTURE, "fred") is AttemptDecision.HELD
    world.toolkit.release_storm(storm.id, ORDER)
    assert world.ask_known(PICTURE, "gerd") is AttemptDecision.REFUSED
    assert world.upload(PICTURE, "hans") is CaseState.OFFLINE


def test_retries_are_cases_of_their_own_and_the_last_one_counts_those_without_end(world: World) -> None:
    world.know(PICTURE)
    answers = [world.ask() for _ in range(59)]
    assert {answer.decision for answer in answers} == {AttemptDecision.REFUSED}
    assert len({answer.reference for answer in answers[:20]}) == 20
    *others, case = world.store.find(CaseQuery())
    assert len(others) == 19
    assert {answer.reference for answer in answers[19:]} == {case.id}
    assert (times_asked(case), {times_asked(other) for other in others}) == (40, {1})
    assert world.attempts.counts.of(AttemptDecision.REFUSED) == 59
    logged = [entry.event for entry in world.audit.entries() if entry.event.kind == "attempt.repeated"]
    assert [int(str(event.data["times"])) for event in logged] == list(range(2, 41))
    assert {event.data["case"] for event in logged} == {case.id}
    for outcome in (AttemptOutcome.REFUSED, AttemptOutcome.KEPT):
        case = world.attempts.report(case.id, outcome, "token")
    assert (reports_of(case), times_asked(case)) == (("refused", "kept"), 40)
    world.ask()
    assert times_asked(world.store.get(case.id)) == 41


def test_repeats_do_not_fill_the_log_without_end(world: World) -> None:
    world.know(PICTURE)
    reference = [world.ask() for _ in range(369)][-1].reference
    assert times_asked(world.store.get(reference)) == 350
    logged = [
        int(str(entry.event.data["times"])) for entry in world.audit.entries() if entry.event.kind == "attempt.repeated"
    ]
    assert logged == [*range(2, 101), 200, 300]


@pytest.mark.parametrize(
    "other",
    [
        replace(ATTEMPT, customer="bert"),
        replace(ATTEMPT, door="api"),
    ],
)
def test_another_customer_or_door_is_another_case(world: World, other: Attempt) -> None:
    world.know(PICTURE)
    assert world.ask().reference != world.ask(attempt=other).reference


def test_what_the_application_says_of_itself_makes_no_other_case(world: World) -> None:
    world.know(PICTURE)
    for _ in range(19):
        world.ask()
    others = (
        replace(ATTEMPT, application="x; 7 times", name="b.png"),
        replace(ATTEMPT, peer="127.0.0.9"),
        ATTEMPT,
    )
    assert len({world.ask(attempt=other).reference for other in others}) == 1


def test_a_retry_after_an_hour_is_a_case_of_its_own(make_world: MakeWorld) -> None:
    world = make_world()
    world.know(PICTURE)
    last = [world.ask().reference for _ in range(20)][-1]
    world.ahead = timedelta(minutes=59)
    assert world.ask().reference == last
    world.ahead = timedelta(minutes=61)
    assert world.ask().reference != last


def test_what_a_person_decided_meanwhile_is_not_asked_into_the_same_case(world: World) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    world.toolkit.restore([reference], ORDER)
    again = world.ask()
    assert (again.decision, again.reference) == (AttemptDecision.CLEAR, "")


def test_one_customer_cannot_fill_the_record(make_world: MakeWorld) -> None:
    """Beyond ten times its cap in an hour a match is not recorded: it is unchecked, and the log says it once."""
    world = make_world(measures=3)
    answers = [world.ask_known(content) for content in contents(40)]
    assert answers == [AttemptDecision.REFUSED] * 3 + [AttemptDecision.HELD] * 27 + [AttemptDecision.UNCHECKED] * 10
    assert world.ask(contents(1)[0]).decision is AttemptDecision.REFUSED
    assert world.ask(PICTURE + b"39").reason == "too-many"
    assert world.store.count(CaseQuery()) == 30
    assert [entry.event.kind for entry in world.audit.entries()].count("attempt.limited") == 1
    assert world.ask_known(PICTURE, "bert") is AttemptDecision.REFUSED


def test_what_a_person_overruled_is_accepted_at_that_customer(world: World) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    assert world.toolkit.restore([reference], ORDER).done == (reference,)
    case = world.store.get(reference)
    assert (case.state, case.actor) == (CaseState.RESTORED, ORDER.actor)
    assert world.ask().decision is AttemptDecision.CLEAR
    assert world.ask(attempt=replace(ATTEMPT, customer="bert")).decision is AttemptDecision.REFUSED


def test_a_held_attempt_ends_when_a_person_confirms_it(world: World) -> None:
    world.know(PICTURE, Category.INVESTIGATIVE)
    answer = world.ask()
    assert answer.decision is AttemptDecision.HELD
    assert world.toolkit.confirm([answer.reference], ORDER).done == (answer.reference,)
    case = world.store.get(answer.reference)
    assert case.state is CaseState.CONFIRMED
    assert case.closed_at is not None


def test_a_refused_attempt_has_nothing_to_confirm(world: World) -> None:
    world.know(PICTURE)
    with pytest.raises(RefusedError, match="nothing to confirm"):
        world.desk.confirm(world.ask().reference, ORDER)


def test_a_descriptor_is_read_and_stays_open(world: World, tmp_path: Path) -> None:
    world.know(PICTURE)
    (tmp_path / "file").write_bytes(PICTURE)
    with (tmp_path / "file").open("rb") as file:
        assert world.ask(file.fileno()).decision is AttemptDecision.REFUSED
        assert file.read() == PICTURE


@pytest.mark.parametrize("what", ["pipe", "directory", "write-only", "too big"])
def test_a_descriptor_that_cannot_be_read_whole_is_unchecked(world: World, tmp_path: Path, what: str) -> None:
    pipe, other = os.pipe()
    os.close(other)
    big = tmp_path / "big"
    big.write_bytes(bytes(1001))
    opened = {
        "pipe": lambda: pipe,
        "directory": lambda: os.open(tmp_path, os.O_RDONLY),
        "write-only": lambda: os.open(tmp_path / "new", os.O_WRONLY | os.O_CREAT),
        "too big": lambda: os.open(big, os.O_RDONLY),
    }[what]()
    if what == "write-only":
        os.write(opened, b"x")
    answer = world.ask(opened)
    os.close(opened)
    assert answer.decision is AttemptDecision.UNCHECKED
    assert answer.reason == {"too big": "too-big", "write-only": "unreadable"}.get(what, "no-file")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\nb", "\udcff", chr(0xD800), "x" * 10_000, ""])
def test_whatever_it_is_called_it_is_recorded_and_leads_nowhere(world: World, name: str) -> None:
    world.know(PICTURE)
    answer = world.ask(attempt=replace(ATTEMPT, name=name))
    assert answer.decision is AttemptDecision.REFUSED
    assert world.store.get(answer.reference).upload.place.tree == b""


def sha256(content: bytes) -> Digest:
    return Digest(Algorithm.SHA256, hashlib.sha256(content).digest())


def test_a_known_sha256_is_refused_as_its_content_would_be(world: World) -> None:
    world.know(PICTURE)
    answer = world.attempts.check_digest(sha256(PICTURE), ATTEMPT)
    assert (answer.decision, answer.verdict.kind) == (AttemptDecision.REFUSED, VerdictKind.KNOWN)
    case = world.store.get(answer.reference)
    assert (case.state, case.digests.sha256) == (CaseState.REFUSED, sha256(PICTURE).value)
    assert world.attempts.check_digest(sha256(b"other"), ATTEMPT).decision is AttemptDecision.CLEAR


def test_a_known_md5_is_decided_by_its_content_only(world: World) -> None:
    world.source.known[Digest(Algorithm.MD5, hashlib.md5(PICTURE, usedforsecurity=False).digest())] = Category.ILLEGAL
    md5 = Digest(Algorithm.MD5, hashlib.md5(PICTURE, usedforsecurity=False).digest())
    answer = world.attempts.check_digest(md5, ATTEMPT)
    assert (answer.decision, answer.reason) == (AttemptDecision.UNCHECKED, "send-content")
    assert answer.verdict.kind is VerdictKind.KNOWN
    assert not world.store.find(CaseQuery())


def test_what_the_application_did_is_recorded_on_the_case_once(world: World) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    before = world.store.get(reference)
    for _ in range(2):
        world.attempts.report(reference, AttemptOutcome.REFUSED, "token gallery")
    case = world.store.get(reference)
    assert (case.state, case.closed_at) == (CaseState.REFUSED, before.closed_at)
    assert case.measures[0].detail.endswith("; the application says: refused")
    assert not case.is_kept
    world.attempts.report(reference, AttemptOutcome.KEPT, "token gallery")
    assert world.store.get(reference).measures[0].detail.count("the application says") == 1
    entries = [entry.event for entry in world.audit.entries() if entry.event.kind == "attempt.outcome"]
    assert [entry.data["outcome"] for entry in entries] == ["refused", "kept"]


def test_an_outcome_about_no_attempt_or_of_another_customer_is_refused(world: World) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    for wrong, customer in (("20260101-none", ""), (reference, "bert")):
        with pytest.raises(RefusedError, match="there is no case"):
            world.attempts.report(wrong, AttemptOutcome.REFUSED, "token", customer)


def test_a_report_that_contradicts_the_one_before_is_shown_and_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    world.attempts.report(reference, AttemptOutcome.REFUSED, "token gallery")
    world.attempts.report(reference, AttemptOutcome.KEPT, "token of anna", "anna")
    case = world.store.get(reference)
    assert case.measures[0].detail.endswith("; the application says: refused, then kept")
    assert (case.is_kept, case.state) == (True, CaseState.REFUSED)
    assert "token of anna reports kept about case" in caplog.text
    told = [entry.event.data for entry in world.audit.entries() if entry.event.kind == "attempt.outcome"]
    assert [data.get("before") for data in told] == [None, "refused"]
    world.attempts.report(reference, AttemptOutcome.REFUSED, "token of anna", "anna")
    assert world.store.get(reference).is_kept  # a second thought makes no figure better


def test_what_was_kept_and_then_deleted_is_no_contradiction(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    world.attempts.report(reference, AttemptOutcome.KEPT, "token gallery")
    world.attempts.report(reference, AttemptOutcome.DELETED, "token gallery")
    assert not world.store.get(reference).is_kept
    assert "before:" not in caplog.text


def test_reports_of_one_attempt_are_bounded(world: World) -> None:
    world.know(PICTURE)
    reference = world.ask().reference
    words = [AttemptOutcome.KEPT, AttemptOutcome.REFUSED] * 4
    for word in words:
        world.attempts.report(reference, word, "token gallery")
    with pytest.raises(RefusedError, match="8 reports that differ"):
        world.attempts.report(reference, AttemptOutcome.KEPT, "token gallery")


def test_what_an_application_kept_is_no_measure_in_any_figure(world: World) -> None:
    world.know(PICTURE)
    kept, refused = world.ask().reference, world.ask(attempt=replace(ATTEMPT, door="api")).reference
    world.attempts.report(kept, AttemptOutcome.KEPT, "token gallery")
    own, weeks = Measured(), Weeks(Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))
    for reference in (kept, refused):
        own.take(world.store.get(reference))
        weeks.take_case(world.store.get(reference))
    assert (own.cases, own.taken) == (2, 1)
    assert [dict(week.outcomes) for week in weeks.in_order()] == [{"kept": 1, "refused": 1}]
    world.toolkit.restore([kept], ORDER)
    after = Measured()
    after.take(world.store.get(kept))
    assert (after.taken, after.restored) == (0, 0)  # what was never refused is not put back


def test_a_held_attempt_that_is_overruled_was_no_measure(world: World) -> None:
    world.know(PICTURE, Category.INVESTIGATIVE)
    reference = world.ask().reference
    world.toolkit.restore([reference], ORDER)
    own = Measured()
    own.take(world.store.get(reference))
    assert (own.taken, own.restored) == (0, 0)
