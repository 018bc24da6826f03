from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.hash_sources.own_lists import OwnLists
from goodhoster.checking.hasher import DirectHasher
from goodhoster.checking.licensed import NOT_TAKEN
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import NotAskedError, NothingToCompareError, SourceUnavailableError, UncheckedError
from goodhoster.hashlists.near.importing import import_fingerprints
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import Category, ContentKind, Match, SourceAnswer, VerdictKind
from goodhoster.testing.drawn import jpeg
from goodhoster.testing.suites.hash_source import made_up

CONTENT = Content(made_up("content").digests, ContentKind.IMAGE, 7)
NEAR = Match("alike", FingerprintKind.PDQ, Category.ILLEGAL, 12)
ALIKE = Match("alike", FingerprintKind.PDQ, Category.ILLEGAL, 0)
KNOWN = Match("memory", Algorithm.SHA1, Category.BASELINE)


class Alike(MemorySource):
    """Says the same to every picture."""

    def __init__(self, *matches: Match) -> None:
        super().__init__({}, name="alike")
        self.matches = matches

    def look_up(self, question: Question) -> tuple[Match, ...]:
        return (*super().look_up(question), *self.matches)


def memory(*, knows: bool = False, fails: bool = False) -> MemorySource:
    source = MemorySource({CONTENT.digests.of(Algorithm.SHA1): Category.BASELINE} if knows else {}, local=False)
    source.trouble = SourceUnavailableError("down", reason="timeout", retry_after=7.0) if fails else None
    return source


@pytest.mark.parametrize(
    ("sources", "kind", "matches"),
    [
        ([memory()], VerdictKind.CLEAR, ()),
        ([memory(knows=True)], VerdictKind.KNOWN, (KNOWN,)),
        ([Alike(NEAR), memory()], VerdictKind.NEAR, (NEAR,)),
        ([Alike(ALIKE)], VerdictKind.NEAR, (ALIKE,)),
        ([memory(knows=True), Alike(NEAR)], VerdictKind.KNOWN, (NEAR, KNOWN)),
    ],
)
def test_one_verdict_over_all_sources(
    sources: Sequence[MemorySource], kind: VerdictKind, matches: tuple[Match, ...]
) -> None:
    verdict = verdict_of(CONTENT, sources, ask_services=True)
    assert (verdict.kind, verdict.matches, verdict.reason) == (kind, matches, "")


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        ([], VerdictKind.UNCHECKED),
        ([memory()], VerdictKind.UNCHECKED),
        ([Alike(NEAR)], VerdictKind.NEAR),
        ([memory(knows=True)], VerdictKind.KNOWN),
    ],
)
def test_a_source_that_failed_still_owes_its_answer(others: Sequence[MemorySource], kind: VerdictKind) -> None:
    verdict = verdict_of(CONTENT, [memory(fails=True), *others], ask_services=True)
    assert (verdict.kind, verdict.reason, verdict.retry_after) == (kind, "timeout", 7.0)


@pytest.mark.parametrize("picture", [True, False])
def test_without_a_source_nothing_was_checked(*, picture: bool) -> None:
    verdict = verdict_of(CONTENT, [], ask_services=picture)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "no-source")


def test_nothing_is_clear_though_a_list_has_the_digest_of_nothing() -> None:
    empty = replace(CONTENT, size=0, kind=ContentKind.OTHER)
    assert verdict_of(empty, [memory(knows=True)], ask_services=True).kind is VerdictKind.CLEAR


def test_what_is_no_picture_is_asked_of_local_sources_only() -> None:
    far, near = memory(knows=True), Alike(NEAR)
    assert verdict_of(CONTENT, [far, near], ask_services=False).matches == (NEAR,)
    assert far.asked == []


def test_a_picture_in_an_archive_makes_it_known() -> None:
    archive = Content(
        made_up("archive").digests, ContentKind.OTHER, 7, members=(made_up("other").digests, CONTENT.digests)
    )
    verdict = verdict_of(replace(archive, opened_alone=True), [memory(knows=True)], ask_services=False)
    assert (verdict.kind, verdict.matches) == (VerdictKind.KNOWN, (KNOWN,))


def test_not_by_the_word_of_a_process_that_opened_files_of_others() -> None:
    archive = Content(made_up("archive").digests, ContentKind.OTHER, 7, members=(CONTENT.digests,))
    for sources in [memory(knows=True)], [memory(knows=True), memory(fails=True)]:
        verdict = verdict_of(archive, sources, ask_services=False)
        assert (verdict.kind, verdict.matches, verdict.reason) == (VerdictKind.UNCHECKED, (), "not-confirmed")
    both = replace(CONTENT, kind=ContentKind.OTHER, members=(made_up("member").digests, CONTENT.digests))
    verdict = verdict_of(both, [memory(knows=True)], ask_services=True)
    assert (verdict.kind, verdict.matches, verdict.reason) == (VerdictKind.KNOWN, (KNOWN,), "not-confirmed")


def test_an_archive_whose_members_were_not_answered_is_unchecked() -> None:
    archive = Content(made_up("archive").digests, ContentKind.OTHER, 7, members=(CONTENT.digests,))
    assert verdict_of(archive, [memory(fails=True)], ask_services=False).kind is VerdictKind.UNCHECKED


@pytest.mark.parametrize("reason", ["too-many-pixels", "opening-crashed", "encrypted", "too-many-members"])
def test_what_could_not_be_opened_is_unchecked_unless_it_is_known(reason: str) -> None:
    faulty = replace(CONTENT, fault=Fault(reason, "in words"))
    verdict = verdict_of(faulty, [memory()], ask_services=True)
    assert (verdict.kind, verdict.reason, verdict.detail) == (VerdictKind.UNCHECKED, reason, "in words")
    verdict = verdict_of(faulty, [memory(knows=True)], ask_services=True)
    assert (verdict.kind, verdict.reason) == (VerdictKind.KNOWN, "")


def test_a_broken_picture_is_clear_where_nobody_is_asked_by_fingerprint() -> None:
    broken = replace(CONTENT, fault=Fault("broken-picture"))
    assert verdict_of(broken, [memory()], ask_services=True).kind is VerdictKind.CLEAR


@pytest.mark.parametrize("reason", ["broken-picture", "too-many-pixels", "opening-too-slow"])
@pytest.mark.parametrize("others", [(), (memory(knows=True),)])
def test_why_a_source_lacks_its_fingerprint_is_what_happened_to_the_picture(
    reason: str, others: Sequence[MemorySource]
) -> None:
    needy = memory()
    needy.trouble = UncheckedError("needs fingerprints", reason="not-askable")
    verdict = verdict_of(replace(CONTENT, fault=Fault(reason, "in words")), [needy, *others], ask_services=True)
    assert (verdict.reason, verdict.detail) == (reason, "in words")
    assert verdict_of(CONTENT, [needy], ask_services=True).reason == "not-askable"


def test_an_outage_is_told_before_what_could_not_be_opened() -> None:
    verdict = verdict_of(replace(CONTENT, fault=Fault("too-many-pixels")), [memory(fails=True)], ask_services=True)
    assert verdict.reason == "timeout"


def test_a_source_by_fingerprint_is_told_whether_the_content_was_opened() -> None:
    fingerprint = Fingerprint(FingerprintKind.PDQ, bytes(32))
    for content, told in [
        (CONTENT, None),
        (replace(CONTENT, fingerprints=(fingerprint,)), (fingerprint,)),
        (replace(CONTENT, kind=ContentKind.VIDEO), ()),
    ]:
        source = memory()
        verdict_of(content, [source], ask_services=True)
        assert [question.fingerprints for question in source.asked] == [told]


VIDEO = replace(CONTENT, kind=ContentKind.VIDEO)


def by_fingerprint_only() -> MemorySource:
    source = memory()
    source.trouble = NothingToCompareError("there are no fingerprints of a video", reason="not-askable")
    return source


def test_a_video_that_no_source_compares_is_not_clear() -> None:
    verdict = verdict_of(VIDEO, [by_fingerprint_only()], ask_services=True)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "not-askable")


def test_a_video_that_one_source_compares_is_what_that_one_says() -> None:
    assert verdict_of(VIDEO, [by_fingerprint_only(), memory()], ask_services=True).kind is VerdictKind.CLEAR
    assert verdict_of(VIDEO, [memory(knows=True), by_fingerprint_only()], ask_services=True).kind is VerdictKind.KNOWN
    assert verdict_of(VIDEO, [by_fingerprint_only(), memory(fails=True)], ask_services=True).reason == "timeout"


def test_what_is_no_picture_needs_no_fingerprint() -> None:
    source = by_fingerprint_only()
    source.local = True
    text = replace(CONTENT, kind=ContentKind.OTHER)
    assert verdict_of(text, [source], ask_services=False).kind is VerdictKind.CLEAR


def test_a_member_that_no_source_compares_leaves_its_archive_unchecked() -> None:
    archive = replace(CONTENT, kind=ContentKind.OTHER, members=(made_up("member").digests,))
    assert verdict_of(archive, [by_fingerprint_only()], ask_services=False).reason == "not-askable"


def not_asked(name: str = "shadowed", *, local: bool = False) -> MemorySource:
    source = MemorySource({}, name=name, local=local)
    source.trouble = NotAskedError("in shadow", reason="not-asked")
    return source


def test_the_verdict_names_who_answered() -> None:
    failing = MemorySource({}, name="failing", local=False)
    failing.trouble = SourceUnavailableError("down", reason="timeout")
    needy = MemorySource({}, name="needy")
    needy.trouble = NothingToCompareError("there are no fingerprints of a video", reason="not-askable")
    sources = [memory(knows=True), failing, not_asked(), needy]
    assert verdict_of(VIDEO, sources, ask_services=True).answered == (SourceAnswer("memory"),)


@pytest.mark.parametrize(("picture", "local"), [(True, False), (True, True), (False, True)])
def test_clear_never_stands_for_not_asked(*, picture: bool, local: bool) -> None:
    verdict = verdict_of(CONTENT, [not_asked(local=local)], ask_services=picture)
    assert (verdict.kind, verdict.reason, verdict.answered) == (VerdictKind.UNCHECKED, "not-asked", ())
    verdict = verdict_of(CONTENT, [not_asked(local=local), MemorySource({})], ask_services=picture)
    assert (verdict.kind, verdict.reason, verdict.answered) == (VerdictKind.CLEAR, "", (SourceAnswer("memory"),))


def test_an_outage_is_told_before_a_source_that_is_not_asked() -> None:
    assert verdict_of(CONTENT, [memory(fails=True), not_asked()], ask_services=True).reason == "timeout"


class AboutSome(MemorySource):
    """Has no say about one content."""

    def look_up(self, question: Question) -> tuple[Match, ...]:
        if question.digests == made_up("inside").digests:
            raise NotAskedError("outside its share", reason="not-asked")
        return super().look_up(question)


def test_who_did_not_answer_about_something_inside_did_not_answer() -> None:
    archive = replace(CONTENT, kind=ContentKind.OTHER, members=(made_up("inside").digests,))
    verdict = verdict_of(archive, [AboutSome({}, name="some"), MemorySource({})], ask_services=False)
    assert (verdict.kind, verdict.answered) == (VerdictKind.CLEAR, (SourceAnswer("memory"),))


def test_a_picture_of_which_a_part_was_opened_is_asked_about_as_such() -> None:
    seen = (Fingerprint(FingerprintKind.PDQ, bytes(32)),)
    for fault, whole in (
        (None, True),
        (Fault("broken-picture"), False),
        (Fault("too-much-memory"), False),
        (Fault(NOT_TAKEN), True),
    ):
        source = memory()
        verdict_of(replace(CONTENT, fingerprints=seen, fault=fault), [source], ask_services=True)
        assert [question.whole for question in source.asked] == [whole]


def cut_short(tmp_path: Path, share: float, **options: object) -> Content:
    whole = jpeg(1, (640, 480), **options)
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: int(len(whole) * share)])
    with path.open("rb") as file:
        return DirectHasher(ReadingLimits()).read(file.fileno())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_cut_short_is_unchecked_where_it_has_no_near_match(
    tmp_path: Path, share: float, options: dict[str, object]
) -> None:
    content = cut_short(tmp_path, share, **options)
    assert content.fingerprints
    import_fingerprints(tmp_path, "police", [(FingerprintKind.PDQ, bytes(range(32)), Category.BASELINE)])
    lists = OwnLists(OpenedLists(tmp_path), {FingerprintKind.PDQ: 31})
    verdict = verdict_of(content, [lists], ask_services=True)
    assert (verdict.kind, verdict.reason) == (VerdictKind.UNCHECKED, "broken-picture")
    seen = content.fingerprints[0].value
    import_fingerprints(tmp_path, "police", [(FingerprintKind.PDQ, seen, Category.BASELINE)])
    lists = OwnLists(OpenedLists(tmp_path), {FingerprintKind.PDQ: 31})
    if content.fingerprints[0].matchable:
        assert verdict_of(content, [lists], ask_services=True).kind is VerdictKind.NEAR


def test_a_flat_picture_is_not_clear_by_a_near_list_alone(tmp_path: Path) -> None:
    flat = Fingerprint(FingerprintKind.PDQ, bytes(32), 0)
    import_fingerprints(tmp_path, "police", [(FingerprintKind.PDQ, bytes(range(32)), Category.BASELINE)])
    lists = OwnLists(OpenedLists(tmp_path), {FingerprintKind.PDQ: 31})
    verdict = verdict_of(replace(CONTENT, fingerprints=(flat,)), [lists], ask_services=True)
    assert (verdict.kind, verdict.reason, verdict.answered) == (VerdictKind.UNCHECKED, "too-flat", ())
