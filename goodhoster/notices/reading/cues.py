"""Cues: sentences in a notice's own words by which it may be something else than an order.

A notice takes back, asks to restore, to leave or to wait, says that something is settled, or only informs, in more ways
than anybody can list. So the *words* for that are sought (`cue_words`), in all languages at once, and a person reads
what has one. A wrong cue costs a look; a missed one takes innocent files offline.

What ordinary orders say anyway (do not reply; if you have questions; once it is removed, tell us) is taken out before.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from goodhoster.notices.reading.cue_words import ALONE, GROUPS, ORDINARY, PAIRS, PHRASES, Pair
from goodhoster.notices.reading.folding import ADDRESS, folded, without_accents, without_addresses

MOST_CUES = 20
_LONGEST_SENTENCE = 600  # characters that are kept of one, as an administrator may copy them
_LONGEST_WORD = 40
_WORD = re.compile(r"[^\W_]+|" + ADDRESS)


def _stems(words: str) -> re.Pattern[str]:
    stems = (folded(word) for word in words.split())
    return re.compile(
        "|".join(re.escape(stem[:-1]) + r"\Z" if stem.endswith(".") else re.escape(stem) for stem in stems)
    )


_STEMS = {group: _stems(words) for group, words in GROUPS.items()}
_PHRASES = {meaning: re.compile(without_accents(words)) for meaning, words in PHRASES.items()}
_QUESTION = re.compile(r"[?\uff1f\u061f]")
_ASKS = re.compile(
    r"\W*(?:please |s'il vous plait |graag )?(?:can|could|would|will|kunt|kan|wilt|zou|zoudt|konnen|konnten"
    r"|wurden|pouvez|pourriez"
    r"|voulez|podria|podrian|puede|pueden|potete|potreste|puo|potrebbe|podem|poderia|pode|kan|kunne|kunde|voisitteko"
    r"|czy moga|mohli)\b"
)
_ABOUT_US = re.compile(
    r"(?:\W*(?:\w+\W+){0,4}?(?:questions?|vragen|fragen|preguntas|domande|duvidas|pytania|dotazy|fragor"
    r"|sporgsmal|sporsmal|kysyttavaa)\W*)\Z"
)
_ORDINARY = re.compile("|".join(ORDINARY))
_IN_NOTE = re.compile(
    r"\W*(?:already |now |is |reeds |inmiddels |bereits |deja |ya |gia |ja )?(?:offline|gone|removed|deleted"
    r"|closed|legal|cleared|ok|okay|404|410|none|unavailable"
    r"|verwijderd|weg|gesloten|legaal|entfernt|geloscht|legal|geschlossen|supprime\w*|retire\w*|ferme"
    r"|eliminad\w+|cerrad\w+|rimoss\w+|chius\w+|removid\w+|fechad\w+|usuniet\w+|zamkniet\w+"
    r"|odstranen\w*|uzavren\w*|borttag\w+|stangd|fjernet|lukket|poistettu|suljettu|удален\w*|закрыт\w*)\W*"
)
"""A status that says, alone in a cell, that nothing is left to be done."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A sentence by which a notice may be no order."""

    meaning: str
    sentence: str

    def __str__(self) -> str:
        """The meaning, and the sentence as it was written."""
        return f'{self.meaning}: "{self.sentence}"'


def cues_in(sentences: Iterable[str]) -> Iterator[Cue]:
    """The sentences that have a cue, each once, with what they may mean."""
    seen: set[str] = set()
    for sentence in sentences:
        kept = " ".join(without_addresses(sentence).replace(ADDRESS, "\u2026").split())[:_LONGEST_SENTENCE]
        if kept not in seen and (meaning := meaning_of(sentence)):
            yield Cue(meaning, kept)
        seen.add(kept)


def meaning_of(sentence: str) -> str:
    """What a sentence may mean other than an order; empty where it has no cue."""
    said = _ORDINARY.sub(" , ", " ".join(folded(without_addresses(sentence)).split()))
    if found := next((meaning for meaning, phrase in _PHRASES.items() if phrase.search(said)), ""):
        return found
    places = _places(said)
    for meaning, groups in ALONE.items():
        if any(group in places for group in groups):
            return meaning
    for pair in PAIRS:
        if _are_near(places, pair):
            return pair.meaning
    return "it may be a question" if _asks(said) else ""


def meaning_of_note(note: str) -> str:
    """What a remark about one address may mean other than that it is to be removed."""
    if meaning := meaning_of(note):
        return meaning
    said = folded(note)
    settled = _IN_NOTE.fullmatch(said) or any(
        "settled" in _groups(word[:_LONGEST_WORD]) for word in _WORD.findall(said)
    )
    return "it may say that something is settled" if settled else ""


def _asks(said: str) -> bool:
    """Whether a sentence asks something, other than politely for the removal."""
    if not _QUESTION.search(said) or _ABOUT_US.match(said):
        return False
    return not (_ASKS.match(said) and any("acts" in _groups(word[:_LONGEST_WORD]) for word in _WORD.findall(said)))


@lru_cache(maxsize=20_000)
def _groups(word: str) -> frozenset[str]:
    return frozenset(group for group, stems in _STEMS.items() if stems.match(word))


def _places(said: str) -> dict[str, list[int]]:
    """Where words of each group stand, in order."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(_WORD.findall(said)):
        for group in _groups(word[:_LONGEST_WORD]):
            places.setdefault(group, []).append(place)
    return places


def _are_near(places: dict[str, list[int]], pair: Pair) -> bool:
    """Whether words of two groups stand near each other, and none that takes the meaning away."""
    ones, others, unless = (places.get(group, []) for group in (pair.one, pair.other, pair.unless))
    for one in ones:
        begins = bisect_left(others, one if pair.in_order else one - pair.apart)
        for other in others[begins : begins + 2 * pair.apart + 1]:
            first, last = min(one, other), max(one, other)
            if last - first > pair.apart:
                break
            at = bisect_left(unless, first - pair.looks_back)
            if first != last and (at == len(unless) or unless[at] >= last):
                return True
    return False
