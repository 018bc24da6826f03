"""The names of many parties, to be asked which of them resemble one.

Words are compared first, once for each pair of words there is; names that share too few are never looked at. So what
it costs grows with what resembles, and not with the number of pairs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from goodhoster.customers.screening.names import ComparedName, compared_names, consonants
from goodhoster.model.customers.screening import Party

_VOWELS = frozenset("aeiou")
_NOBODY: frozenset[int] = frozenset()
_FEWEST_CONSONANTS = 3
_SINGLE_WORD = 6  # letters of a name of one word that may differ
_MOST_EDITS = 2
_UNLIKE_LETTERS = 10  # of two names in which no word is the same
_COMPANY_COVERAGE = 0.75
_MOST_LEFT = 2  # words that only the longer name has
_CACHED = 400_000
_RARE = 2000  # a word of one name in so many is rare
_FEW = 10  # and one of so many names, however few there are: a small house has namesakes, too


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name of ours that resembles one that was asked for."""

    party: int
    """Its number in the index."""
    listed: str
    ours: str
    score: int


@dataclass(frozen=True, slots=True)
class _Name:
    party: int
    name: ComparedName


class WordCounts:
    """In how many names of all customers each word stands: the fewer, the more it tells."""

    def __init__(self, parties: Iterable[Party]) -> None:
        self._counts: Counter[str] = Counter()
        self._names = 0
        for party in parties:
            for written in party.names:
                for name in compared_names(written, party.kind):
                    self._names += 1
                    self._counts.update(set(name.words))
        self._rare = max(_FEW, self._names // _RARE)

    def is_rare(self, word: str) -> bool:
        """Whether hardly any name has it."""
        return self._counts[word] <= self._rare

    def weight(self, word: str) -> float:
        """How much a word tells."""
        return math.log((self._names + 20) / (self._counts[word] + 1))


class NameIndex:
    """An index of the names of parties, numbered in their order.

    `counts` are those of all parties, where these are some of them.
    """

    def __init__(self, parties: Sequence[Party], counts: WordCounts | None = None) -> None:
        self._counts = counts or WordCounts(parties)
        self._names: list[_Name] = []
        postings: dict[str, set[int]] = defaultdict(set)
        joined: dict[str, set[int]] = defaultdict(set)
        for number, party in enumerate(parties):
            for written in party.names:
                for name in compared_names(written, party.kind):
                    at = len(self._names)
                    self._names.append(_Name(number, name))
                    joined[name.joined].add(at)
                    for word in name.words:
                        postings[word].add(at)
        self._postings = {word: frozenset(names) for word, names in postings.items()}
        self._joined = {word: frozenset(names) for word, names in joined.items()}
        self._single = frozenset(at for at, each in enumerate(self._names) if len(each.name.words) == 1)
        self._with_initials = frozenset(
            at for at, each in enumerate(self._names) if any(len(word) == 1 for word in each.name.words)
        )
        self._by_form: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._by_consonants: dict[str, list[str]] = defaultdict(list)
        for word in self._postings:
            self._by_form[word[0], len(word)].append(word)
            self._by_consonants[consonants(word)].append(word)
        self._near: dict[str, frozenset[int]] = {}

    def matches(self, party: Party) -> Iterator[NameMatch]:
        """The best match of each party of the index that resembles this one by name."""
        best: dict[int, NameMatch] = {}
        for written in party.names:
            for name in compared_names(written, party.kind):
                for match in self._of_name(name):
                    known = best.get(match.party)
                    if known is None or match.score > known.score:
                        best[match.party] = match
        yield from best.values()

    def _of_name(self, name: ComparedName) -> Iterator[NameMatch]:
        for at in self._candidates(name):
            ours = self._names[at]
            score = self._score(name, ours.name)
            if score:
                yield NameMatch(ours.party, name.written, ours.name.written, score)

    def _candidates(self, name: ComparedName) -> frozenset[int]:
        found = self._joined.get(name.joined, _NOBODY)
        near = {word: self._names_near(word) for word in name.words}
        if len(near) == 1:
            return found | (near[name.words[0]] & self._single)
        for one, other in combinations(near.values(), 2):
            if one and other:
                found |= one & other
        initials = any(len(word) == 1 for word in name.words)
        for word, names in near.items():
            if len(word) > 1 and names and self._counts.is_rare(word):
                found |= names if initials else names & self._with_initials
        return found

    def _names_near(self, word: str) -> frozenset[int]:
        """The names that have this word or one close to it."""
        known = self._near.get(word)
        if known is None:
            if len(self._near) >= _CACHED:
                self._near.clear()
            known = frozenset().union(*(self._postings[each] for each in self._words_near(word))) or _NOBODY
            self._near[word] = known
        return known

    def _words_near(self, word: str) -> Iterator[str]:
        if word in self._postings:
            yield word
        for other in self._by_consonants.get(consonants(word), ()):
            if other != word and _same_consonants(word, other):
                yield other
        reach = _edits(len(word))
        for length in range(len(word) - reach, len(word) + reach + 1) if reach else ():
            bucket = self._by_form.get((word[0], length))
            if bucket:
                close = process.extract(word, bucket, scorer=OSA.distance, score_cutoff=reach, limit=None)
                yield from (other for other, distance, _ in close if distance and _close(word, other))

    def _score(self, listed: ComparedName, ours: ComparedName) -> int:
        """0–100; 0 where they do not resemble each other."""
        if listed.joined == ours.joined:
            return 100
        pairs, left = _paired(listed.words, ours.words)
        full = [pair for pair in pairs if min(map(len, pair)) > 1]
        if not full or not _few_edits(full):
            return 0
        if len(listed.words) == 1 or len(ours.words) == 1:
            same_length = len(listed.words) == len(ours.words)
            return _ratio(listed, ours) if same_length and len(listed.words[0]) >= _SINGLE_WORD else 0
        if len(full) == 1 and not (len(pairs) > 1 and self._counts.is_rare(full[0][1])):
            return 0
        company = listed.company or ours.company
        if left and (len(left) > _MOST_LEFT or len(full) <= 1 or not self._covers(full, left, company=company)):
            return 0
        return _ratio(listed, ours)

    def _covers(self, full: list[tuple[str, str]], left: list[str], *, company: bool) -> bool:
        """Whether what both names have weighs enough beside what only the longer one has.

        Of a company a word more is mostly another company; a person may have one more name.
        """
        if not company:
            return len(left) == 1
        shared = sum(self._counts.weight(ours) for _, ours in full)
        return shared >= _COMPANY_COVERAGE * (shared + sum(map(self._counts.weight, left)))


def _edits(length: int) -> int:
    """Letters that may differ in a word of that length."""
    return 2 if length >= 10 else 1 if length >= 4 else 0  # noqa: PLR2004 - the rule itself


def _close(word: str, other: str) -> bool:
    if word.isdigit() or other.isdigit() or word[0] != other[0]:
        return False
    reach = _edits(min(len(word), len(other)))
    return bool(reach) and OSA.distance(word, other, score_cutoff=reach) <= reach


def _same_consonants(word: str, other: str) -> bool:
    """Whether two words differ in vowels: in one or two, or in all.

    In all where one comes out of a script that writes none.
    """
    skeleton = consonants(word)
    if word.isdigit() or other.isdigit() or skeleton != consonants(other):
        return False
    if any(map(_writes_no_vowels, (word, other))):
        return len(skeleton) > 1
    reach = min(2, min(len(word), len(other)) // 3)
    return len(skeleton) >= _FEWEST_CONSONANTS and OSA.distance(word, other, score_cutoff=reach) <= reach


def _writes_no_vowels(word: str) -> bool:
    return len(word) > 1 and not _VOWELS.intersection(word)


def _resemble(word: str, other: str) -> bool:
    return word == other or _close(word, other) or _same_consonants(word, other)


def _paired(listed: tuple[str, ...], ours: tuple[str, ...]) -> tuple[list[tuple[str, str]], list[str]]:
    """The words that resemble each other, each once, and those that only the longer name has.

    No pairs where both have words that the other has not.
    """
    rest, pairs, open_ = list(ours), [], []
    for word in listed:
        if word in rest:
            rest.remove(word)
            pairs.append((word, word))
        else:
            open_.append(word)
    for alike in (_resemble, _initial):
        for word in list(open_):
            other = next((each for each in rest if alike(word, each)), None)
            if other is not None:
                rest.remove(other)
                open_.remove(word)
                pairs.append((word, other))
    return ([], []) if rest and open_ else (pairs, rest or open_)


def _initial(word: str, other: str) -> bool:
    return 1 in {len(word), len(other)} and word[0] == other[0]


def _few_edits(pairs: list[tuple[str, str]]) -> bool:
    """Whether so much is the same that what differs may be a slip."""
    unlike = [pair for pair in pairs if pair[0] != pair[1] and not _same_consonants(*pair)]
    if sum(OSA.distance(*pair) for pair in unlike) > _MOST_EDITS:
        return False
    return len(unlike) < len(pairs) or sum(len(word) for word, _ in pairs) >= _UNLIKE_LETTERS


def _ratio(listed: ComparedName, ours: ComparedName) -> int:
    """The score that is shown; below 100, since the names are not the same."""
    one, other = " ".join(sorted(listed.words)), " ".join(sorted(ours.words))
    return min(99, round(fuzz.ratio(one, other))) if one != other else 100
