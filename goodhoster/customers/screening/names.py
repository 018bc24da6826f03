"""Names in one form.

Latin letters, no accents, no legal forms, spellings of one sound alike.

`Müller & Söhne GmbH`, `Mueller und Soehne` and `MULLER SOHNE` become the same words; so do `Путин` and `Putin`. What
is empty after that is compared with nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from anyascii import anyascii
from cleanco.termdata import terms_by_type

from goodhoster.model.customers.screening import PartyKind

_LONGEST_NAME = 300  # characters of one name
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
# Two letters of one sound, which a transliteration by letters takes apart.
_DIGRAPHS = (
    ("ντ", "d"), ("μπ", "b"), ("γκ", "g"), ("γγ", "ng"), ("ού", "u"), ("ου", "u"), ("αυ", "av"), ("ευ", "ev"),
    ("ու", "u"), ("և", "ev"),
)  # fmt: skip
_YO = re.compile("(?<=[bcdfghjklmnpqrstvwxz])yo(?=[bcdfghjklmnpqrstvwxz])")
"""The Cyrillic ё between consonants, which most write `e`: Pyotr, Fyodor, Semyon."""
_FIRST_YE = re.compile("^ye(?=[bcdfghjklmnpqrstvwxz][a-z]{2})")
"""The Cyrillic е at the beginning: Yevgeny, Yekaterina."""
_FIRST_YI = re.compile("^(?:yi(?=an|or)|io(?=ann))")
"""The Greek Γι and Ιω at the beginning: Yiannis, Ioannis and Giannis."""
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
    bare = words if kind == "person" else _without_legal_forms(_leading_letters_joined(words))
    found = {}
    if kind != "company":
        found[_folded(tuple(word for word in words if word not in _TITLES) or words)] = False
    if kind == "company" or bare != words:
        found[_folded(bare)] = True
    return tuple(ComparedName(written, form, company=company) for form, company in found.items())


def _words(written: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFC", written[:_LONGEST_NAME]).lower()
    for letters, sound in _DIGRAPHS:
        text = text.replace(letters, sound)
    latin = anyascii(text).lower().replace("'", "").replace(".", " ").replace("&", " ")
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


def _leading_letters_joined(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a company, with single letters at the beginning (as of P.T. and C.K.) as one."""
    first = 0
    while first < len(words) and len(words[first]) == 1:
        first += 1
    return ("".join(words[:first]), *words[first:]) if first > 1 else words


@cache
def _legal_forms() -> frozenset[tuple[str, ...]]:
    """The legal forms of companies, each as its words."""
    found = {tuple(_WORD.findall(_latin_term(term))) for terms in terms_by_type.values() for term in terms}
    found |= {(word,) for word in _MORE_FORMS}
    found |= set(map(_form_words, _WRITTEN_OUT))
    return frozenset(term for term in found if term)


_MORE_FORMS = frozenset(
    [
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
        "jsc",
        "ojsc",
        "pjsc",
        "cjsc",
        "akg",
        "spzoo",
        "spa",
        "doel",
        "sdnbhd",
        "tbk",
        "kaa",
        "kgaa",
        "spolsro",
        "sro",
        "ptyltd",
    ]
)
_WRITTEN_OUT = (
    "aktiengesellschaft", "gesellschaft mit beschrankter haftung", "gesellschaft mit beschraenkter haftung",
    "gesellschaft mbh", "kommanditgesellschaft", "offene handelsgesellschaft", "unternehmergesellschaft",
    "besloten vennootschap", "naamloze vennootschap", "vennootschap onder firma", "commanditaire vennootschap",
    "besloten vennootschap met beperkte aansprakelijkheid", "societe anonyme", "societe a responsabilite limitee",
    "societe par actions simplifiee", "societa per azioni", "societa a responsabilita limitata", "sociedad anonima",
    "sociedad limitada", "sociedad de responsabilidad limitada", "sociedade anonima", "sociedade limitada",
    "limited liability company", "public limited company", "private limited company", "limited liability partnership",
    "limited partnership", "private limited", "company limited", "joint stock company", "open joint stock company",
    "public joint stock company", "closed joint stock company", "societate cu raspundere limitata",
    "societatea cu raspundere limitata", "spolka akcyjna", "spolka z ograniczona odpowiedzialnoscia",
    "aktiebolag", "aktieselskab", "aksjeselskap", "anpartsselskab", "osakeyhtio", "julkinen osakeyhtio",
    "spolecnost s rucenim omezenym", "akciova spolecnost", "korlatolt felelossegu tarsasag", "perseroan terbatas",
    "anonim sirketi", "limited sirketi", "акционерное общество", "открытое акционерное общество",
    "публичное акционерное общество", "закрытое акционерное общество",
    "общество с ограниченной ответственностью", "товариство з обмеженою відповідальністю",
)  # fmt: skip
"""Legal forms written out, which cleanco has as abbreviations only."""
_LEADING_FORMS = frozenset(
    [
        "stichting",
        "ooo",
        "zao",
        "pao",
        "oao",
        "ao",
        "uab",
        "sia",
        "pt",
        "bv",
        "nv",
        "jsc",
        "ojsc",
        "pjsc",
        "cjsc",
        "llc",
        "srl",
        "gmbh",
        "sarl",
    ]
)
_LONGEST_FORM = 6  # words


@cache
def _leading_forms() -> frozenset[tuple[str, ...]]:
    """The legal forms that also stand before a name."""
    return frozenset({(word,) for word in _LEADING_FORMS} | set(map(_form_words, _WRITTEN_OUT)))


@cache
def _joined_forms() -> frozenset[str]:
    """The legal forms as one word each: `Sp. z o.o.` comes apart in many ways."""
    return frozenset("".join(form) for form in _legal_forms() if len(form) > 1 or len(form[0]) > 1)


def _form_words(written: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_latin_term(written)))


def _latin_term(term: str) -> str:
    return anyascii(term).lower().replace(".", "")


def _without_legal_forms(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words without a legal form at the end or the beginning; one word remains."""
    changed = True
    while changed and len(words) > 1:
        changed = False
        for length in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
            if _is_form(words[-length:]):
                words, changed = words[:-length], True
                break
        for length in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
            if words[:length] in _leading_forms():
                words, changed = words[length:], True
                break
    return words


def _is_form(words: tuple[str, ...]) -> bool:
    """Whether the words are a legal form, also where it came apart at its dots."""
    return words in _legal_forms() or (1 in map(len, words) and "".join(words) in _joined_forms())


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(word for word in words if word not in _LINKING) or words
    return tuple(fold(word) for word in kept)


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """A word in the one spelling that its sounds have here."""
    word = _FIRST_YI.sub("gi", _FIRST_YE.sub("e", _YO.sub("e", word)))
    for written, sound in _SOUNDS:
        if written in word:
            word = word.replace(written, sound)
    word = _HARD_C.sub("k", _SILENT_H.sub("", word))
    return _DOUBLED.sub(r"\1", word) if not word.isdigit() else word


@lru_cache(maxsize=100_000)
def consonants(word: str) -> str:
    """A word without vowels after its first letter."""
    return word[:1] + re.sub(r"[aeiouh]", "", word[1:])
