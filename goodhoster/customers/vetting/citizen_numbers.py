"""Refusal of text that carries a citizen number or a copy of an identity document.

We keep that a document was checked, of which type, when, by whom and with which outcome; never its number, its machine
readable zone (MRZ) or a scan. A number is looked at together with the words before it: the elfproef alone passes one
number in eleven, and the numbers of companies (SIREN, RSIN, KvK) are among them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from importlib import import_module

from goodhoster.errors import RefusedError

_HINT = "write down the type of the document, the date, who checked it and the outcome; nothing of the document itself"
_LONGEST_REASON = 4000  # characters; a reason is a sentence or two

# What is written in front of a citizen number or the number of a document.
_CITIZEN_WORDS = re.compile(
    r"(?<![a-z])(?:bsn|burger\s?service\s?(?:nummer|nr)|so[- ]?fi(?:[- ]?(?:nummer|nr))?|citizen\s(?:service\s)?number"
    r"|national\s?(?:id|identity|identification|insurance)|personal\s(?:id|identity|identification|number|code)"
    r"|social\s(?:security|insurance)|identity\s?(?:card|number|no)|identiteitskaart|personalausweis"
    r"|id[- ]?(?:number|nummer|nr|no|card|kaart)"
    r"|(?:passport|paspoort|reisepass|passeport|document|rijbewijs|licen[cs]e|ausweis)[- ]?(?:number|nummer|nr|no)"
    r"|passport|paspoort|rijksregister(?:nummer|nr)?|registre\snational|insz|niss|egn|rodne\scislo|steuer[- ]?id(?:nr)?"
    r"|identifikationsnummer|idnr|cpr|isikukood|dni|nie|hetu|henkilotunnus|nir|securite\ssociale|codice\sfiscale"
    r"|asmens\skodas|pesel|cnp|personnummer|personnr|ssn|nino)(?![a-z])"
)
_NUMBER = re.compile(r"(?<![a-z0-9])[a-z]{0,5}[ .]?\d[a-z0-9]*(?:[./ -]\d[a-z0-9]*){0,5}")
_REACH = 40  # characters between such a word and its number
_FEWEST_DIGITS, _FEWEST_LETTERS = 4, 6
_DATE = re.compile(
    r"(?<![\d.-])(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([-./])\d{1,2}\1(?:19|20)\d{2})(?![\d.]*\d|-\d)(?:[ t]\d{1,2}:\d{2})?"
)
# What is written in front of a number that is certainly somebody else's.
_OTHER_WORDS = re.compile(
    r"(?:kvk|k\.v\.k|handelsregister|rsin|btw|vat|siren|siret|hrb|hra|duns|chamber|company|registration|invoice|factuur"
    r"|order|ticket|case|zaak|phone|tel|telefoon|mobile|iban|account|klant|customer|reference|ref)[\w .:#-]{0,12}$"
)
_RUN = re.compile(r"(?<![\w+])\d(?:[. -]?\d){7,14}(?!\w)")
_DATA_URI = re.compile(r"data:[a-z]+/[a-z0-9.+-]+[;,]|%pdf-|/9j/4|ivborw0kgo")
_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{160,}")
_SCAN = re.compile(r"[\w-]\.(?:jpe?g|png|pdf|hei[cf]|tiff?|webp|bmp|gif|docx?)(?!\w)")
_MRZ_RUN = re.compile(r"[A-Z0-9<]{20,}")
_WEIGHTS = (7, 3, 1)
_BSN_DIGITS = 9

# (module of python-stdnum, how it is written). Those that are little more than a date need their own separator.
_NATIONAL: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("be.nn", re.compile(r"(?<![\w+])\d{2}\.?\d{2}\.?\d{2}[- ]?\d{3}[. -]?\d{2}(?!\w)")),
    ("be.bis", re.compile(r"(?<![\w+])\d{2}\.?\d{2}\.?\d{2}[- ]?\d{3}[. -]?\d{2}(?!\w)")),
    ("cz.rc", re.compile(r"(?<![\w+])\d{6}/\d{3,4}(?!\w)")),
    ("de.idnr", re.compile(r"(?<![\w+])\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\w)")),
    ("dk.cpr", re.compile(r"(?<![\w+])\d{6}-\d{4}(?!\w)")),
    ("ee.ik", re.compile(r"(?<![\w+])[1-8]\d{10}(?!\w)")),
    ("es.dni", re.compile(r"(?<![\w+])\d{8}-?[a-z](?!\w)")),
    ("es.nie", re.compile(r"(?<!\w)[xyz]-?\d{7}-?[a-z](?!\w)")),
    ("fi.hetu", re.compile(r"(?<![\w+])\d{6}[-+a-fu-y]\d{3}[0-9a-z](?!\w)")),
    ("fr.nir", re.compile(r"(?<![\w+])[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ab]) ?\d{3} ?\d{3} ?\d{2}(?!\w)")),
    ("it.codicefiscale", re.compile(r"(?<!\w)[a-z]{6}[0-9l-v]{2}[a-ehlmprst][0-9l-v]{2}[a-z][0-9l-v]{3}[a-z](?!\w)")),
    ("lt.asmens", re.compile(r"(?<![\w+])[1-6]\d{10}(?!\w)")),
    ("pl.pesel", re.compile(r"(?<![\w+])\d{11}(?!\w)")),
    ("ro.cnp", re.compile(r"(?<![\w+])[1-9]\d{12}(?!\w)")),
    ("se.personnummer", re.compile(r"(?<![\w+])(?:\d{2})?\d{6}[-+]\d{4}(?!\w)")),
    ("bg.egn", re.compile(r"(?<![\w+])\d{6} \d{4}(?!\w)")),
)
CITIZEN_SCHEMES = frozenset(name for name, _ in _NATIONAL) | {"nl.bsn"}
"""Schemes of citizen numbers, as python-stdnum calls them; such a number is not kept in any field."""


def refuse_personal_numbers(text: str, where: str) -> str:
    """Return the text.

    RefusedError where it seems to carry a citizen number or a copy of a document.

    `where` names the field for the message, which never repeats the number.
    """
    if len(text) > _LONGEST_REASON:
        raise RefusedError(f"{where} is longer than {_LONGEST_REASON} characters", hint="write a sentence or two")
    found = next(_findings(text), None)
    if found is not None:
        raise RefusedError(f"{where} was not kept: {found}", hint=_HINT)
    return text


def _findings(text: str) -> Iterator[str]:
    if any(unicodedata.category(letter) == "Cc" and letter not in "\t\n\r" for letter in text):
        yield "it holds bytes that are not text, as of a scan"
    plain = _plain(text)
    lower = _without_accents(plain.lower())
    if _DATA_URI.search(lower) or _BLOB.search(plain) or _SCAN.search(lower):
        yield "it holds or names a scan or another file"
    if any(map(_is_mrz, _mrz_candidates(plain))):
        yield "it holds the machine readable zone of a passport or identity card"
    if _follows_citizen_word(lower):
        yield "it holds what seems to be a citizen number, or the number of a document"
    if _lone_bsn(lower) or _national(lower):
        yield "it holds a number that passes the check of citizen numbers"


def _plain(text: str) -> str:
    """The text as it is read.

    Other scripts' digits and letters of full width as ours, nothing invisible.
    """
    folded = unicodedata.normalize("NFKC", text)
    visible = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
    return "".join(_digit(letter) for letter in visible)


def _digit(letter: str) -> str:
    return str(unicodedata.digit(letter)) if unicodedata.category(letter) == "Nd" else _DASHES.get(letter, letter)


_DASHES = {dash: "-" for dash in "‐‑‒–—−"}  # noqa: C420 - reads as the table it is


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Mn")


def _follows_citizen_word(text: str) -> bool:
    undated = _DATE.sub(",", text)
    return any(_numbered(undated[found.end() : found.end() + _REACH]) for found in _CITIZEN_WORDS.finditer(undated))


def _numbered(after: str) -> bool:
    """Whether a number long enough to be a document's or a person's follows."""
    for found in _NUMBER.finditer(after):
        if sum(map(str.isdigit, found[0])) < _FEWEST_DIGITS or sum(map(str.isalnum, found[0])) < _FEWEST_LETTERS:
            continue
        if not _OTHER_WORDS.search(after[: found.start()]):
            return True
    return False


def _lone_bsn(text: str) -> bool:
    """Whether nine digits pass the elfproef.

    Not where a word before them says that they are something else.
    """
    for found in _RUN.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if len(digits) != _BSN_DIGITS or _OTHER_WORDS.search(text[max(0, found.start() - 40) : found.start()]):
            continue
        if _valid("nl.bsn", digits):
            return True
    return False


def _national(text: str) -> bool:
    for module, written in _NATIONAL:
        for found in written.finditer(text):
            before = text[max(0, found.start() - 40) : found.start()]
            if not _OTHER_WORDS.search(before) and _valid(module, found[0]):
                return True
    return False


def _valid(module: str, number: str) -> bool:
    # Imported when asked: each is a module of its own, and most commands need none.
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return bool(is_valid(number.upper()))


def _mrz_candidates(text: str) -> Iterator[str]:
    for line in text.upper().replace("&LT;", "<").splitlines():
        yield from _MRZ_RUN.findall(line)
        yield from _MRZ_RUN.findall(re.sub(r"\s", "", line) if "<" in line else "")


def _is_mrz(line: str) -> bool:
    if "<<" in line:
        return True
    # The second line of a passport (or identity card of two lines), or the first two of one of three.
    return any(
        _check(line[start : start + length], line[start + length : start + length + 1])
        and _check(line[second : second + 6], line[second + 6 : second + 7])
        for start, length, second in ((0, 9, 13), (0, 9, 21), (5, 9, 30))
    )


def _check(field: str, digit: str) -> bool:
    """Whether a check digit of the MRZ is right (ICAO 9303: weights 7, 3, 1)."""
    if not digit.isdigit() or not any(letter.isdigit() for letter in field):
        return False
    values = (int(letter, 36) if letter.isalnum() else 0 for letter in field)
    return sum(value * _WEIGHTS[place % 3] for place, value in enumerate(values)) % 10 == int(digit)
