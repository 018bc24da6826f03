"""Names in one form.

Latin letters, no accents, no legal forms, spellings of one sound alike.

`Müller & Söhne GmbH`, `Mueller und Soehne` and `MULLER SOHNE` become the same words; so do `Путин` and `Putin`. What
is empty after that is compared with nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from anyascii import anyascii
from cleanco.termdata import terms_by_type

from goodhoster.model.customers.screening import PartyKind

_LONGEST = 300  # characters of one name
_MOST_WORDS = 12
_WORD = re.compile(r"[a-z0-9]+")
_LINKING = frozenset({"and", "und", "en", "et", "y", "e", "i", "the", "de", "la", "le", "der", "die", "das"})
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "ir", "ing", "drs", "prof", "dhr", "mevr", "herr", "frau", "sir"})
# Ways to write one sound, longest first; both sides are folded alike.
_SOUNDS = (
    ("tsch", "ch"), ("tch", "ch"), ("sch", "sh"), ("shch", "sh"), ("dzh", "j"), ("zh", "j"), ("dj", "j"),
    ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"), ("ck", "k"), ("x", "ks"), ("qu", "kw"), ("q", "k"),
    ("ae", "a"), ("oe", "o"), ("ue", "u"), ("yu", "iu"), ("ya", "ia"), ("ou", "u"),
    ("oo", "u"), ("ee", "i"), ("ij", "i"), ("iy", "i"), ("ey", "i"), ("ei", "i"), ("ie", "i"), ("y", "i"), ("w", "v"),
)  # fmt: skip
_SILENT_H = re.compile(r"(?<=[aeiou])h(?=[lmnr])")
_HARD_C = re.compile(r"c(?!h)")
_DOUBLED = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class ComparedName:
    """A name as it is compared."""

    written: str
    words: tuple[str, ...]
    """Folded, in their order."""
    company: bool
    """Said so, or written with a legal form."""

    @property
    def joined(self) -> str:
        """All words as one."""
        return "".join(self.words)


def compared_names(written: str, kind: PartyKind) -> tuple[ComparedName, ...]:
    """The forms in which a name is compared.

    With its legal form only where it may be a person's; none where empty.
    """
    words = _words(written)
    if not words or words in _legal_forms() or ("".join(words),) in _legal_forms():
        return ()
    bare = words if kind == "person" else _without_legal_forms(words)
    found = {}
    if kind != "company":
        found[_folded(tuple(word for word in words if word not in _TITLES) or words)] = False
    if kind == "company" or bare != words:
        found[_folded(bare)] = True
    return tuple(ComparedName(written, form, company=company) for form, company in found.items())


def _words(written: str) -> tuple[str, ...]:
    latin = anyascii(written[:_LONGEST]).lower().replace("'", "").replace(".", " ").replace("&", " ")
    found = tuple(_WORD.findall(latin)[:_MOST_WORDS])
    # B.V. and N. V. came apart at their dots.
    return _initials_joined(found)


def _initials_joined(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words, with single letters at the end (as of B.V. and S.p.A.) as one.

    Those of a person's name stay apart.
    """
    last = len(words)
    while last > 1 and len(words[last - 1]) == 1:
        last -= 1
    tail = "".join(words[last:])
    return (*words[:last], tail) if tail and (tail,) in _legal_forms() else words


@cache
def _legal_forms() -> frozenset[tuple[str, ...]]:
    """The legal forms of companies, each as its words."""
    found = {tuple(_WORD.findall(_latin_term(term))) for terms in terms_by_type.values() for term in terms}
    found |= {(word,) for word in _MORE_FORMS}
    return frozenset(term for term in found if term)


_MORE_FORMS = frozenset(
    {
        "stichting",
        "vof",
        "bvba",
        "ooo",
        "zao",
        "pao",
        "oao",
        "ao",
        "uab",
        "kft",
        "zrt",
        "fze",
        "fzco",
        "eood",
        "ead",
        "doo",
        "dooel",
    }
)
_LEADING_FORMS = frozenset({"stichting", "ooo", "zao", "pao", "oao", "uab", "sia", "pt", "bv", "nv"})
_LONGEST_FORM = 4  # words


def _latin_term(term: str) -> str:
    return anyascii(term).lower().replace(".", "")


def _without_legal_forms(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words without a legal form at the end or the beginning; one word remains."""
    forms = _legal_forms()
    changed = True
    while changed and len(words) > 1:
        changed = False
        for length in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
            if words[-length:] in forms:
                words, changed = words[:-length], True
                break
        if len(words) > 1 and words[0] in _LEADING_FORMS:
            words, changed = words[1:], True
    return words


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(word for word in words if word not in _LINKING) or words
    return tuple(fold(word) for word in kept)


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """A word in the one spelling that its sounds have here."""
    for written, sound in _SOUNDS:
        if written in word:
            word = word.replace(written, sound)
    word = _HARD_C.sub("k", _SILENT_H.sub("", word))
    return _DOUBLED.sub(r"\1", word) if not word.isdigit() else word


@lru_cache(maxsize=100_000)
def consonants(word: str) -> str:
    """A word without vowels after its first letter."""
    return word[:1] + re.sub(r"[aeiouh]", "", word[1:])
