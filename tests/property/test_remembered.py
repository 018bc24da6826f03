"""Under which key an answer is remembered, and for how long: for every question and every time."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache, CachedAnswer
from goodhoster.adapters.hash_sources.caching import CacheLifetimes, answer_key, identity_of
from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match


def digest(width: int) -> st.SearchStrategy[bytes]:
    """Few different ones, so that questions are often equal in part."""
    return st.sampled_from([b"", b"\0" * width, b"\1" * width])


DIGESTS = st.builds(Digests, digest(16), digest(20), digest(32))
FINGERPRINTS = st.lists(
    st.sampled_from([Fingerprint(FingerprintKind.PDQ, bytes([n]) * 32) for n in range(3)]), max_size=2
).map(tuple)
WHOSE = st.sampled_from([b"\0" * 32, b"\1" * 32])
ASKED = st.tuples(WHOSE, st.builds(Question, DIGESTS, st.none() | FINGERPRINTS, st.booleans()))


@given(ASKED, ASKED)
def test_two_answers_share_a_key_only_where_source_and_question_are_the_same(
    one: tuple[bytes, Question], other: tuple[bytes, Question]
) -> None:
    same = (one[0], replace(one[1], live=False)) == (other[0], replace(other[1], live=False))
    assert (answer_key(*one) == answer_key(*other)) is same


@dataclass(frozen=True)
class Kind:
    """As a plug-in sets its source."""

    url: str
    algorithms: tuple[str, ...]
    password_file: Path


KINDS = st.builds(Kind, st.text(max_size=2), st.lists(st.text(max_size=1), max_size=2).map(tuple), st.just(Path("p")))


@given(KINDS, KINDS)
def test_other_settings_are_another_source(one: Kind, other: Kind) -> None:
    assert (identity_of(one) == identity_of(other)) is (one == other)


KEYS = [bytes([number]) * 28 + (number % 2 * 4096).to_bytes(4) for number in range(4)]
"""In two slots."""
ANSWERS = st.builds(
    CachedAnswer,
    st.floats(0, 2e9),
    st.lists(st.builds(Match, st.sampled_from(["a", "b" * 99]), st.just("pdq"), st.just(Category.OTHER))).map(tuple),
)
WRITES = st.lists(st.tuples(st.sampled_from(KEYS), ANSWERS), max_size=6)


@given(WRITES, st.lists(st.tuples(st.integers(0, 4096 * 256), st.binary(min_size=1, max_size=300)), max_size=2))
def test_whatever_is_written_over_it_a_book_has_the_newest_answer_or_none(
    writes: list[tuple[bytes, CachedAnswer]], damages: list[tuple[int, bytes]]
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "answers")
        book = AnswerCache(file)
        writes = [(key, replace(answer, asked=float(number))) for number, (key, answer) in enumerate(writes)]
        for key, answer in writes:
            book.put(key, answer)
        with file.open("r+b") as opened:
            for at, damage in damages:
                opened.seek(at)
                opened.write(damage)
        newest = dict(writes)
        for key in KEYS:
            assert book.get(key) in {None, newest.get(key)}


SECONDS = st.floats(0, 1e6)
MATCHES = st.sampled_from([(), (Match("police", "sha1"),)])


@given(SECONDS, SECONDS, SECONDS, SECONDS, MATCHES)
def test_an_answer_counts_from_when_it_was_asked_until_it_expires(
    yes: float, no: float, asked: float, now: float, matches: tuple[Match, ...]
) -> None:
    counts = CacheLifetimes(yes, no).counts(CachedAnswer(asked, matches), now)
    assert counts is (asked <= now and now - asked < (yes if matches else no))
    assert not (counts and CacheLifetimes(0, 0).counts(CachedAnswer(asked, matches), now))
