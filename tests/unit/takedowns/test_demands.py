"""The case desk and files that a notice names, on real files."""

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import Case, CaseState, MeasureState, Order
from goodhoster.model.notices import NotifierCaps
from goodhoster.model.quarantine import QuarantineRequest
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery
from goodhoster.takedowns.demands import Demand, Demands, Grounds, NamedFile
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLEAR = Verdict(VerdictKind.CLEAR)


class Services:
    def __init__(self, folder: Path) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir(mode=0o755)
        self.now = NOW
        self.store = SqliteCaseStore(folder / "record.sqlite")
        self.audit = FileAuditLog(folder / "audit.log")
        rules = HouseRules(enforce=True, storm_customers=3, measures_per_hour=100)
        self.desk = CaseDesk(
            self.store,
            self.audit,
            LocalQuarantine((os.fsencode(self.tree),)),
            rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            lambda: self.now,
            brake_in_memory(self.store, self.audit, rules, lambda: self.now),
        )

    def file(self, name: str, text: str = "a picture") -> NamedFile:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        upload = Upload(place, name.partition("/")[0], FileState.of(path.stat()))
        return NamedFile(upload, made_up(text).digests, CLEAR)

    def receive(self, files: Sequence[NamedFile], grounds: Grounds) -> Case:
        (case,) = self.receive_all(files, grounds)
        return case

    def receive_all(self, files: Sequence[NamedFile], grounds: Grounds) -> list[Case]:
        (received,) = Demands(self.desk).process([Demand(files, grounds)])
        return received.cases

    def names(self) -> set[str]:
        return {str(p.relative_to(self.tree)) for p in self.tree.glob("[!.]*/*")}

    def events(self) -> list[str]:
        return [entry.event.kind for entry in self.audit.entries()]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    for case in services.store.find(CaseQuery()):
        if case.state is CaseState.OFFLINE:
            services.desk.restore(case.id, Order("test", "the end"))
    services.store.close()


def grounds(doubt: str = "", notice: str = "N1", per_hour: int = 10, per_customer: int = 10) -> Grounds:
    return Grounds(notice, "" if doubt else "hotline", doubt, NotifierCaps(per_hour, per_customer))


def test_a_case_that_an_unproven_notice_opened_is_the_proven_ones_that_names_it_later(services: Services) -> None:
    files = [services.file("anna/p.jpg")]
    unproven = services.receive(files, grounds("the sender is not proven"))
    waits = replace(grounds("notices of hotline wait for a person", "N2"), notifier="hotline")
    case = services.receive(files, waits)
    assert (case.id, case.state) == (unproven.id, CaseState.HELD)
    assert (case.notice, case.notifier, case.reason) == ("N2", "hotline", "notices of hotline wait for a person")
    again = services.receive(files, grounds("the sender is not proven", "N3"))
    assert (again.notice, again.reason) == ("N2", "notices of hotline wait for a person")


def three_sizes(services: Services) -> list[NamedFile]:
    return [services.file(f"anna/{name}", name) for name in ("p.jpg", "p-300x200.jpg", "p-150x150.jpg")]


def test_a_proven_notice_takes_the_file_and_every_copy_offline_in_one_case(services: Services) -> None:
    case = services.receive(three_sizes(services), grounds())
    assert case.state is CaseState.OFFLINE
    assert [measure.state for measure in case.measures] == [MeasureState.DONE] * 3
    assert services.names() == set()
    assert services.events() == ["measure.intended"] * 3 + ["measure.done"] * 3
    assert services.store.get(case.id) == case


def test_restore_puts_every_copy_back(services: Services) -> None:
    case = services.receive(three_sizes(services), grounds())
    restored = services.desk.restore(case.id, Order("eva", "a mistake"))
    assert restored.state is CaseState.RESTORED
    assert [measure.state for measure in restored.measures] == [MeasureState.UNDONE] * 3
    assert services.names() == {"anna/p.jpg", "anna/p-300x200.jpg", "anna/p-150x150.jpg"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens a file that is locked under another name")
def test_many_names_of_one_file_come_back_as_they_were(services: Services) -> None:
    """Taken side by side, one would have read how another had locked it, and given that back."""
    first = services.file("anna/0.jpg")
    path = services.tree / "anna/0.jpg"
    path.chmod(0o640)
    before = path.stat()
    for number in range(1, 25):
        os.link(path, services.tree / f"anna/{number}.jpg")
    places = [replace(first.upload.place, path=b"anna/%d.jpg" % number) for number in range(25)]
    uploads = [replace(first.upload, place=place, state=FileState.of(path.stat())) for place in places]
    case = services.receive([replace(first, upload=upload) for upload in uploads], grounds())
    assert services.names() == set()
    assert [measure.state for measure in case.measures] == [MeasureState.DONE] * 25
    services.desk.restore(case.id, Order("eva", "a mistake"))
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_nlink) == (before.st_mode, before.st_uid, 25)


def test_a_copy_that_cannot_be_put_back_does_not_keep_the_others(services: Services) -> None:
    case = services.receive(three_sizes(services), grounds())
    (services.tree / "anna/p-300x200.jpg").write_text("somebody else's")
    with pytest.raises(RefusedError, match="p-300x200"):
        services.desk.restore(case.id, Order("eva", "a mistake"))
    refused = services.store.get(case.id)
    assert refused.state is CaseState.OFFLINE
    assert [m.state for m in refused.measures] == [MeasureState.UNDONE, MeasureState.DONE, MeasureState.UNDONE]
    (services.tree / "anna/p-300x200.jpg").unlink()
    assert services.desk.restore(case.id, Order("eva", "now")).state is CaseState.RESTORED


@pytest.mark.parametrize("doubt", ["the sender is not proven", "the reading is not certain"], ids=str)
def test_a_doubtful_notice_is_held_and_touches_nothing(services: Services, doubt: str) -> None:
    case = services.receive(three_sizes(services), grounds(doubt))
    assert (case.state, case.reason) == (CaseState.HELD, doubt)
    assert [measure.state for measure in case.measures] == [MeasureState.PROPOSED] * 3
    assert len(services.names()) == 3


def test_a_person_confirms_a_held_case_with_its_copies(services: Services) -> None:
    held = services.receive(three_sizes(services), grounds("not proven"))
    case = services.desk.confirm(held.id, Order("eva", "looked at the notice"))
    assert case.state is CaseState.OFFLINE
    assert services.names() == set()


def test_a_forged_notice_that_came_first_does_not_stop_the_proven_one(services: Services) -> None:
    files = three_sizes(services)
    held = services.receive(files, grounds("not proven", "N1"))
    case = services.receive(files, grounds(notice="N2"))
    assert (case.id, case.state) == (held.id, CaseState.OFFLINE)
    assert (case.notice, case.notifier) == ("N2", "hotline")


def test_a_forged_notice_neither_shields_a_file_nor_adds_one(services: Services) -> None:
    files = three_sizes(services)
    held = services.receive(files, grounds("not proven"))
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),))
    case = services.desk.open(files[0].upload, files[0].digests, known)
    assert case
    assert (case.id, case.state, case.reason) == (held.id, CaseState.OFFLINE, "known to police")
    assert services.names() == {"anna/p-300x200.jpg", "anna/p-150x150.jpg"}
    assert services.desk.open(files[1].upload, files[1].digests, CLEAR) is None


def test_a_forged_notice_about_a_file_that_is_known_already_does_not_shield_it(services: Services) -> None:
    """It is looked at for the notice before the queue comes to it."""
    known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),))
    files = [replace(file, verdict=known) for file in three_sizes(services)]
    held = services.receive(files, grounds("not proven"))
    assert (held.state, held.matches) == (CaseState.HELD, ())
    case = services.desk.open(files[0].upload, files[0].digests, known)
    assert case
    assert (case.id, case.state, case.matches) == (held.id, CaseState.OFFLINE, known.matches)


def near(services: Services, file: NamedFile) -> Case:
    """A person must look at that file alone: a source found something like it."""
    like = Verdict(VerdictKind.NEAR, (Match("list", "pdq", distance=20),))
    held = services.desk.open(file.upload, file.digests, like)
    assert held is not None
    assert held.state is CaseState.HELD
    return held


def test_a_forged_notice_about_a_copy_does_not_shield_the_original(services: Services) -> None:
    original, *copies = three_sizes(services)
    services.receive([copies[0], original, copies[1]], grounds("not proven"))
    case = services.receive([original, *copies], grounds(notice="N2"))
    assert case.state is CaseState.OFFLINE
    assert services.names() == set()


def test_a_forged_notice_about_a_file_does_not_shield_a_copy_of_it_that_is_known(services: Services) -> None:
    original, copy, _ = three_sizes(services)
    services.receive([original, copy], grounds("not proven"))
    case = services.desk.open(copy.upload, copy.digests, Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),)))
    assert case is not None
    assert (case.state, case.upload) == (CaseState.OFFLINE, copy.upload)
    assert services.names() == {"anna/p.jpg", "anna/p-150x150.jpg"}


def test_a_copy_that_waits_for_a_person_does_not_keep_the_original_online(services: Services) -> None:
    original, *copies = three_sizes(services)
    held = near(services, copies[0])
    cases = services.receive_all([original, *copies], grounds())
    assert [case.state for case in cases] == [CaseState.OFFLINE] * 2
    assert cases[0].id == held.id
    assert services.names() == set()


def test_a_copy_that_was_taken_meanwhile_does_not_keep_the_original_online(services: Services) -> None:
    """The notice was looked up before, and comes to the desk after."""
    original, *copies = three_sizes(services)
    first = services.receive(copies[:1], grounds())
    cases = services.receive_all([original, *copies], grounds(notice="N2"))
    assert cases[0] == first
    assert [measure.state for measure in cases[1].measures] == [MeasureState.DONE] * 2
    assert services.names() == set()


def test_what_a_person_confirms_for_a_notice_are_all_its_files(services: Services) -> None:
    original, *copies = three_sizes(services)
    held = near(services, copies[0])
    cases = services.receive_all([original, *copies], grounds("not proven"))
    assert cases[0] == held
    for case in cases:
        services.desk.confirm(case.id, Order("eva", "looked at the notice"))
    assert services.names() == set()


def test_a_copy_that_a_person_put_back_leaves_the_original_to_a_person(services: Services) -> None:
    original, *copies = three_sizes(services)
    restored = services.desk.restore(near(services, copies[0]).id, Order("eva", "something else"))
    cases = services.receive_all([original, *copies], grounds())
    assert cases[0] == restored
    assert [case.state for case in cases] == [CaseState.RESTORED, CaseState.HELD]
    assert len(services.names()) == 3


def test_a_file_that_only_a_doubtful_notice_connects_stays_where_it_is(services: Services) -> None:
    """The proven one leads to a copy in the held case, and not to the file that case began with."""
    other, (original, copy, _) = services.file("anna/other.jpg", "another"), three_sizes(services)
    held = services.receive([other, copy], grounds("not proven"))
    case = services.receive([original, copy], grounds(notice="N2"))
    assert case.state is CaseState.OFFLINE
    assert services.store.get(held.id) == held
    assert services.names() == {"anna/other.jpg", "anna/p-150x150.jpg"}


@pytest.mark.parametrize("hidden", [0, 1], ids=["the original", "a copy"])
@pytest.mark.parametrize("again", ["a notice", "a match"])
def test_one_of_the_files_is_hidden_for_a_while(services: Services, hidden: int, again: str) -> None:
    """Its directory is renamed away and back, which leaves its state as it was."""
    files = [services.file("anna/p.jpg", "one"), services.file("bilder/p-150x150.jpg", "two")]
    folder = services.tree / ("anna", "bilder")[hidden]
    folder.rename(services.tree / "away")
    case = services.receive(files, grounds())
    (services.tree / "away").rename(folder)
    assert case.state is CaseState.OFFLINE
    assert len(services.names()) == 1
    if again == "a notice":
        after = services.receive(files, grounds(notice="N2"))
    else:
        known = Verdict(VerdictKind.KNOWN, (Match("police", "sha1"),))
        after = services.desk.open(files[hidden].upload, files[hidden].digests, known) or case
    assert (after.id, after.state) == (case.id, CaseState.OFFLINE)
    assert [measure.state for measure in after.measures] == [MeasureState.DONE] * 2
    assert services.names() == set()


def test_a_second_notice_joins_the_case(services: Services) -> None:
    files = three_sizes(services)
    first = services.receive(files, grounds(notice="N1"))
    assert services.receive(files, grounds(notice="N2")) == first
    # And one about a copy only.
    assert services.receive(files[1:], grounds(notice="N3")) == first


def test_above_a_cap_the_next_is_held_not_dropped(services: Services) -> None:
    cases = [
        services.receive([services.file(f"{customer}/{n}.jpg", f"{customer}{n}")], grounds(per_customer=2))
        for customer in ("anna", "bert")
        for n in range(3)
    ]
    assert [case.state for case in cases] == [CaseState.OFFLINE, CaseState.OFFLINE, CaseState.HELD] * 2
    assert "cap" in cases[2].reason
    services.now += timedelta(hours=1, seconds=1)
    assert services.receive([services.file("anna/9.jpg", "9")], grounds(per_customer=2)).state is CaseState.OFFLINE


def test_the_cap_for_the_notifier_counts_over_all_customers(services: Services) -> None:
    cases = [services.receive([services.file(f"{c}/x.jpg", c)], grounds(per_hour=2)) for c in "abc"]
    assert [case.state for case in cases] == [CaseState.OFFLINE, CaseState.OFFLINE, CaseState.HELD]


def test_what_a_person_restored_is_not_taken_again_by_itself(services: Services) -> None:
    case = services.receive([services.file("anna/p.jpg")], grounds())
    services.desk.restore(case.id, Order("eva", "a mistake"))
    (services.tree / "anna/p.jpg").unlink()
    again = services.receive([services.file("anna/p.jpg")], grounds(notice="N2"))
    assert (again.state, again.reason) == (
        CaseState.HELD,
        "a person restored this content of this customer before",
    )


def test_an_exempt_file_is_held(services: Services) -> None:
    file = services.file("anna/p.jpg")
    exempt = NamedFile(file.upload, file.digests, Verdict(VerdictKind.CLEAR, exemption="wordpress"))
    case = services.receive([exempt], grounds())
    assert (case.state, case.reason) == (CaseState.HELD, "the file is exempt (wordpress): a person decides")


def test_notices_without_a_match_do_not_feed_the_storm_brake(services: Services) -> None:
    for customer in ("anna", "bert", "cas"):
        services.receive([services.file(f"{customer}/p.jpg")], grounds("not proven"))
    known = Verdict(VerdictKind.KNOWN, (Match("list", "sha1"),))
    file = services.file("dora/p.jpg")
    case = services.desk.open(file.upload, file.digests, known)
    assert case is not None
    assert case.state is CaseState.OFFLINE


@pytest.mark.parametrize("step", range(2))
def test_a_crash_at_the_log_is_finished_by_recover(
    services: Services, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, steps = FileAuditLog.append_all, itertools.count()

    def dying(log: FileAuditLog, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        if next(steps) == step:
            raise KeyboardInterrupt
        return original(log, events)

    with monkeypatch.context() as patch:
        patch.setattr(FileAuditLog, "append_all", dying)
        with pytest.raises(KeyboardInterrupt):
            services.receive(three_sizes(services), grounds())
    assert_recovered(services)


@pytest.mark.parametrize("taken", range(4))
def test_a_crash_after_some_files_were_taken_is_finished_by_recover(
    services: Services, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LocalQuarantine.take_all_offline

    def dying(quarantine: LocalQuarantine, requests: Sequence[QuarantineRequest]) -> None:
        original(quarantine, requests[:taken])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalQuarantine, "take_all_offline", dying)
        with pytest.raises(KeyboardInterrupt):
            services.receive(three_sizes(services), grounds())
    assert_recovered(services)


def assert_recovered(services: Services) -> None:
    (case,) = services.desk.recover()
    assert case.state is CaseState.OFFLINE
    assert [measure.state for measure in case.measures] == [MeasureState.DONE] * 3
    assert services.names() == set()
    digests = {hashlib.sha256(name.encode()).hexdigest() for name in ("p.jpg", "p-300x200.jpg", "p-150x150.jpg")}
    assert {e.event.data["sha256"] for e in services.audit.entries() if e.event.kind == "measure.intended"} == digests


def test_many_demands_in_one_turn_are_cases_of_their_own_within_the_caps(services: Services) -> None:
    files = [services.file(f"{customer}/{n}.jpg", f"{customer}{n}") for n in range(3) for customer in ("anna", "bert")]
    demands = [Demand([file], grounds(per_hour=5, per_customer=3)) for file in files]
    cases = [case for received in Demands(services.desk).process([*demands, demands[0]]) for case in received.cases]
    assert [case.state for case in cases[:6]] == [CaseState.OFFLINE] * 5 + [CaseState.HELD]
    assert cases[6] == cases[0]
    assert services.names() == {"bert/2.jpg"}
    assert services.events() == ["case.opened"] + ["measure.intended"] * 5 + ["measure.done"] * 5


def test_what_a_doubtful_demand_holds_a_sound_one_of_the_same_turn_takes(services: Services) -> None:
    file = services.file("anna/p.jpg")
    demands = [Demand([file], grounds("which one is meant?")), Demand([file], grounds())]
    cases = [case for received in Demands(services.desk).process(demands) for case in received.cases]
    assert [case.state for case in cases] == [CaseState.OFFLINE] * 2
    assert len(services.store.find(CaseQuery())) == 1
