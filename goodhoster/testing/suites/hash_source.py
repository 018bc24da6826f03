"""The conformance suite of `HashSource`: its promises, as tests.

Subclass, give the fixture, run by pytest.

class TestMySource(HashSourceSuite):
    @pytest.fixture
    def source(self) -> Iterator[HashSource]:
        yield MySource(known=[self.KNOWN.digests.of(Algorithm.SHA1)])
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.ports import HashSource


def made_up(text: str) -> Question:
    """The question about a made-up picture, which is in no list.

    Its fingerprint is made of the text too.
    """
    data = text.encode()
    fingerprint = Fingerprint(FingerprintKind.PDQ, hashlib.sha256(b"seen: " + data).digest())
    return Question(
        Digests(
            md5=hashlib.md5(data, usedforsecurity=False).digest(),
            sha1=hashlib.sha1(data, usedforsecurity=False).digest(),
            sha256=hashlib.sha256(data).digest(),
        ),
        (fingerprint,),
    )


class HashSourceSuite:
    """Subclass and give a fixture `source`, a source that knows one content only.

    It knows KNOWN by one algorithm or its fingerprint, and nothing else.
    """

    KNOWN = made_up("known to the source under test")
    UNKNOWN = made_up("not known to the source under test")

    def test_has_a_name_for_the_audit_log(self, source: HashSource) -> None:
        assert source.name
        assert source.name.isprintable()

    def test_says_whether_questions_leave_the_machine(self, source: HashSource) -> None:
        assert source.local in {True, False}

    def test_known_content_matches_with_source_and_algorithm(self, source: HashSource) -> None:
        matches = source.look_up(self.KNOWN)
        assert matches
        for match in matches:
            assert isinstance(match, Match)
            assert match.source
            assert match.algorithm
            assert match.near or match.distance == 0

    def test_unknown_content_has_no_match(self, source: HashSource) -> None:
        assert source.look_up(self.UNKNOWN) == ()

    def test_the_same_question_may_be_asked_again(self, source: HashSource) -> None:
        assert source.look_up(self.KNOWN) == source.look_up(self.KNOWN)

    def test_many_threads_get_their_own_answers(self, source: HashSource) -> None:
        questions = [self.KNOWN, self.UNKNOWN] * 100
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(source.look_up, questions))
        assert [bool(matches) for matches in answers] == [True, False] * 100

    def test_a_probe_returns(self, source: HashSource) -> None:
        source.probe()

    def test_may_be_closed_twice(self, source: HashSource) -> None:
        source.close()
        source.close()
