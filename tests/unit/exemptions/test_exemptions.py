"""Exemption sets on disk, who falls under them, and what they do to a verdict."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.audit.log import FileAuditLog
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import AuditError, BusyError, ConfigurationError, RefusedError, UncheckedError, UnrecordedError
from goodhoster.exemptions.lookup import Exemptions
from goodhoster.exemptions.set_file import pack, unpack
from goodhoster.exemptions.sets import ExemptionSets
from goodhoster.hashlists.directory import import_lock
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.exemptions import Exemption, ExemptionSet
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import Category, ContentKind, Match, VerdictKind
from goodhoster.testing.suites.hash_source import made_up
from tests.full_log import LogFullAt

LOGO, OTHER = made_up("logo").digests, made_up("other").digests
LOGO_MD5 = Digests(LOGO.md5, b"", b"")


def a_set(*contents: Digests, name: str = "wordpress-6.4.3", version: str = "6.4.3") -> ExemptionSet:
    return ExemptionSet(name, version, "archive", datetime(2026, 3, 1, tzinfo=UTC), "eve", contents)


class Place:
    """A directory of sets, its log, and what looks at it."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "exemptions"
        self.audit = FileAuditLog(folder / "audit.log")
        self.book = ExemptionSets(self.directory, self.audit)

    def under(self, content: Digests) -> Exemption | None:
        return Exemptions(self.directory)(content)

    def log(self) -> list[tuple[str, str | None]]:
        return [(each.event.kind, str(each.event.data.get("change"))) for each in self.audit.entries()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


digests = st.builds(
    Digests,
    *(st.just(b"") | st.binary(min_size=algorithm.width, max_size=algorithm.width) for algorithm in Algorithm),
)


@given(st.lists(digests), st.text(), st.text())
def test_a_set_is_read_as_it_was_written(contents: list[Digests], version: str, origin: str) -> None:
    made = replace(a_set(*contents), version=version, origin=origin)
    assert unpack(pack(made)) == made


@given(st.data())
def test_a_byte_that_changed_is_noticed(data: st.DataObject) -> None:
    packed = bytearray(pack(a_set(LOGO)))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r"exemption set|as it was written"):
        unpack(bytes(packed))


def test_built_replaced_removed_and_told_before_and_after(place: Place) -> None:
    place.book.put(a_set(LOGO))
    place.book.put(a_set(OTHER))
    assert place.book.get("wordpress-6.4.3").contents == (OTHER,)
    place.book.remove("wordpress-6.4.3", "eve")
    assert list(place.book.survey()) == []
    assert place.log() == [
        ("exemption.intended", "build"),
        ("exemption.built", "None"),
        ("exemption.intended", "build"),
        ("exemption.built", "None"),
        ("exemption.intended", "remove"),
        ("exemption.removed", "None"),
    ]


def test_what_is_not_there(place: Place) -> None:
    for ask in (place.book.get, lambda name: place.book.remove(name, "eve")):
        with pytest.raises(RefusedError, match="no exemption set called drupal"):
            ask("drupal")
    assert place.log() == []


@pytest.mark.parametrize("name", ["", ".hidden", "../audit", "a/b", "a b", "ä", "x" * 65])
def test_names_that_cannot_be_one(place: Place, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of an exemption set"):
        place.book.put(a_set(LOGO, name=name))
    assert not place.directory.exists()


def test_what_cannot_be_logged_is_not_done(place: Place, tmp_path: Path) -> None:
    place.book.put(a_set(LOGO))
    book = ExemptionSets(place.directory, FileAuditLog(tmp_path / "gone" / "audit.log"))
    with pytest.raises(AuditError):
        book.put(a_set(OTHER))
    with pytest.raises(AuditError):
        book.remove("wordpress-6.4.3", "eve")
    assert book.get("wordpress-6.4.3").contents == (LOGO,)


def test_one_change_at_a_time(place: Place) -> None:
    place.book.put(a_set(LOGO))
    with import_lock(place.directory), pytest.raises(BusyError):
        place.book.put(a_set(OTHER))


def test_a_damaged_set_is_told_replaced_and_removed(place: Place) -> None:
    for name in ("damaged", "whole"):
        place.book.put(a_set(LOGO, name=name))
    (place.directory / "damaged.exemptions").write_bytes(b"rubbish")
    found = dict(place.book.survey())
    assert isinstance(found["damaged"], ConfigurationError)
    assert isinstance(found["whole"], ExemptionSet)
    with pytest.raises(UncheckedError) as told:
        place.under(OTHER)
    assert told.value.reason == "exemptions-damaged"
    place.book.remove("damaged", "eve")
    assert str(place.under(LOGO)) == "whole"


def test_a_running_process_sees_a_build_and_a_removal_at_once(place: Place) -> None:
    exemptions = Exemptions(place.directory)
    for _ in range(20):
        assert exemptions(LOGO) is None
        place.book.put(a_set(LOGO))
        assert exemptions(LOGO)
        place.book.remove("wordpress-6.4.3", "eve")


def test_damage_is_seen_within_a_second(place: Place) -> None:
    place.book.put(a_set(LOGO))
    exemptions = Exemptions(place.directory)
    assert exemptions.trouble() is None
    (place.directory / "wordpress-6.4.3.exemptions").write_bytes(b"rubbish")
    time.sleep(1.1)
    assert exemptions.trouble()


def test_whoever_reads_while_a_set_is_replaced_sees_the_old_or_the_new_one(place: Place) -> None:
    place.book.put(a_set(LOGO))
    found: list[object] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            found.append(place.under(LOGO))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        place.book.put(a_set(LOGO))
    ended.set()
    reader.join()
    assert found
    assert None not in found


def test_the_strongest_digest_decides_so_a_collision_hides_nothing(place: Place) -> None:
    place.book.put(a_set(LOGO))
    forged = replace(OTHER, md5=LOGO.md5, sha1=LOGO.sha1)
    assert place.under(forged) is None
    assert place.under(LOGO) == Exemption("wordpress-6.4.3", Algorithm.SHA256, LOGO)


def test_published_checksums_exempt_by_md5_and_say_so(place: Place) -> None:
    place.book.put(a_set(LOGO_MD5))
    assert str(place.under(LOGO)) == "wordpress-6.4.3, by md5 alone"
    place.book.put(a_set(LOGO, name="z"))
    assert str(place.under(LOGO)) == "z"


def logo(*, members: tuple[Digests, ...] = (), fault: Fault | None = None) -> Content:
    return Content(LOGO, ContentKind.IMAGE, 7, members=members, fault=fault, opened_alone=True)


class Knows(MemorySource):
    """Some contents by SHA-1, and every one by its looks when told so."""

    def __init__(self, *known: Digests, near: bool = False) -> None:
        super().__init__({each.of(Algorithm.SHA1): Category.BASELINE for each in known}, name="police")
        self.near = near

    def look_up(self, question: Question) -> tuple[Match, ...]:
        alike = [Match("police", FingerprintKind.PDQ, Category.BASELINE, 3)] if self.near else []
        return (*super().look_up(question), *alike)


def exempt_logo(content: Digests) -> Exemption | None:
    return Exemption("wordpress", Algorithm.SHA256, content) if content == LOGO else None


@pytest.mark.parametrize(
    ("content", "source", "kind", "acting"),
    [
        (logo(), Knows(), VerdictKind.CLEAR, 0),
        (logo(), Knows(LOGO), VerdictKind.EXEMPT, 0),
        (logo(), Knows(near=True), VerdictKind.EXEMPT, 0),
        (replace(logo(), digests=OTHER), Knows(near=True), VerdictKind.NEAR, 1),  # looks like an exempt one
        (replace(logo(), digests=OTHER, members=(LOGO,)), Knows(LOGO), VerdictKind.EXEMPT, 0),
        (logo(members=(OTHER,)), Knows(LOGO, OTHER), VerdictKind.KNOWN, 1),  # another picture beside it
        (logo(members=(OTHER,)), Knows(OTHER), VerdictKind.KNOWN, 1),  # or inside it
    ],
)
def test_an_exemption_is_of_its_content_and_of_no_other(
    content: Content, source: Knows, kind: VerdictKind, acting: int
) -> None:
    verdict = verdict_of(content, [source], ask_services=True, exempt=exempt_logo)
    assert (verdict.kind, len(verdict.acting)) == (kind, acting)


def test_a_content_that_nobody_knows_tells_its_exemption_all_the_same() -> None:
    assert verdict_of(logo(), [Knows()], ask_services=True, exempt=exempt_logo).exemption == "wordpress"
    inside = replace(logo(), digests=OTHER, members=(LOGO,))
    assert verdict_of(inside, [Knows(LOGO)], ask_services=True, exempt=exempt_logo).exemption == ""


def unreadable(_: Digests) -> None:
    raise UncheckedError("the set is damaged", reason="exemptions-damaged")


def test_while_exemptions_cannot_be_read_a_match_is_unchecked_and_no_match_is_clear() -> None:
    verdict = verdict_of(logo(), [Knows(LOGO)], ask_services=True, exempt=unreadable)
    assert (verdict.kind, verdict.reason, verdict.matches) == (VerdictKind.UNCHECKED, "exemptions-damaged", ())
    verdict = verdict_of(logo(), [Knows()], ask_services=True, exempt=unreadable)
    assert (verdict.kind, verdict.exemption) == (VerdictKind.CLEAR, "the set is damaged")


def test_an_exempt_match_does_not_make_up_for_what_could_not_be_looked_at() -> None:
    faulty = logo(fault=Fault("too-many-members", "in words"))
    verdict = verdict_of(faulty, [Knows(LOGO)], ask_services=True, exempt=exempt_logo)
    assert (verdict.kind, verdict.reason) == (VerdictKind.EXEMPT, "too-many-members")


def test_a_change_whose_outcome_cannot_be_logged_is_told_as_made(place: Place, tmp_path: Path) -> None:
    book = ExemptionSets(place.directory, LogFullAt(tmp_path / "audit.log", "exemption.built"))
    with pytest.raises(UnrecordedError, match=r"wordpress-6\.4\.3 is built and in force, but that cannot be recorded"):
        book.put(a_set(LOGO))
    assert place.under(LOGO) is not None
    book = ExemptionSets(place.directory, LogFullAt(tmp_path / "audit.log", "exemption.removed"))
    with pytest.raises(UnrecordedError, match=r"wordpress-6\.4\.3 is removed, but that cannot be recorded"):
        book.remove("wordpress-6.4.3", "eve")
    assert place.under(LOGO) is None
