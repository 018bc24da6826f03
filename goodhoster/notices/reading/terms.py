"""Terms that a notice states in words or digits: by when it wants something gone.

Only what its sender wrote itself counts, in twelve languages and whatever the format. What depends on the day of our
receipt ("by Friday", "before tomorrow noon") is kept as it stands; `deadlines` reads it as the earliest moment that can
be meant.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from goodhoster.model.notices import StatedTerm
from goodhoster.notices.reading.wording import sentences_of, words_like


class _Words:
    """Words by their stems; whether a word is one of them is remembered."""

    def __init__(self, *lists: str) -> None:
        pattern = words_like(*lists)
        self.match = lru_cache(maxsize=1 << 12)(lambda word: pattern.match(word) is not None)


EARLIEST_ZONE = timezone(timedelta(hours=2))
"""Of a moment without a time zone: the earliest that can be meant in the Netherlands."""
_MOST_TERMS = 20
_MOST_CHARACTERS = 1 << 18
_MOST_CUES = 1000
"""Words before a moment that are followed up, in one notice."""
_LONGEST_QUOTE = 200
_LONGEST = timedelta(days=365)
_NUMBERS = {
    word: number
    for number, words in {
        1: "a an one een ein eine einer eines einem un une una uno um uma jeden jedna jednej jedne en ett yksi yhden",
        2: "two twee zwei deux dos due dois duas dwa dwie dwoch dva dve dvou tva to kaksi kahden",
        3: "three drie drei trois tres tre trzy trzech tri tre kolme kolmen",
        4: "four vier quatre cuatro quattro quatro cztery czterech ctyri ctyr fyra fire nelja neljan",
        6: "six zes sechs seis sei szesc szesciu sest sesti sex seks kuusi kuuden",
        8: "eight acht huit ocho otto oito osiem osmiu osm osmi atta otte kahdeksan",
        10: "ten tien zehn dix diez dieci dez dziesiec dziesieciu deset deseti tio ti kymmenen",
        12: "twelve twaalf zwolf zwoelf douze doce dodici doze dwanascie dwunastu dvanact dvanacti tolv kahdentoista",
        15: "fifteen vijftien funfzehn fuenfzehn quinze quince quindici",
        20: "twenty twintig zwanzig vingt veinte venti vinte",
        24: "vierentwintig vierundzwanzig veinticuatro ventiquattro dwadziescia dwudziestu tjugofyra fireogtyve",
        30: "thirty dertig dreissig trente treinta trenta trinta trzydziesci trzydziestu tricet triceti trettio",
        48: "achtenveertig achtundvierzig quarantotto",
        60: "sixty zestig sechzig soixante sesenta sessanta sessenta szescdziesiat sedesat sextio tres",
    }.items()
    for word in words.split()
}
_HALVES = _Words(
    "=half =halve =halben =halbe =demi =media =mezz =mezza =mezzora =meia =pol =pul =halv =halvt =puoli =puolen"
)
_HALF_HOURS = _Words("halfuur halvtimme halvtime halfhour =mezzora puolituntia")
_MINUTE = _Words(
    "=min =mins =minute =minutes =minuut =minuten =minuto =minutos =minuti =minuty =minut =minuter",
    "=minutter minuut =minuutin",
)
_HOUR = _Words(
    "=h =hr =hrs =hour =hours =u =uur =uren =stunde =stunden =std =heure =heures =hora =horas =ora =ore =godzina",
    "=godzine",
    "=godziny =godzin =godz =hodina =hodinu =hodiny =hodin =hod =timme =timmen =timmar =timme =timer =time",
    "=tunti =tunnin",
    "=tuntia =tunneissa",
)
_DAY = _Words(
    "=day =days =dag =dagen =tag =tage =tagen =jour =jours =dia =dias =giorno =giorni =dni =dzien =den =dnu =dny"
    " =dagar =dage =paiva =paivan =paivaa"
)
_UNITS = ((_MINUTE, timedelta(minutes=1)), (_HOUR, timedelta(hours=1)), (_DAY, timedelta(days=1)))
_WITHIN = _Words(
    "=within =binnen =innerhalb =innert =dans =sous =dentro =entro =inom =inden =behem =kuluessa =sisalla =ciagu",
    "=prazo =plazo",
    "=uiterlijk =spatestens =spaetestens =max =maximum =maximaal =hoogstens =delai",
)
_POSTPOSITIONS = frozenset({"kuluessa", "sisalla"})
_NOUN = _Words(
    "=deadline =term =limit =termijn =frist =delai =plazo =termine =prazo =termin =terminie =lhuta =lhute",
    "=tidsfrist =maaraaika",
    "=maaraajassa =period =due",
)
_LOOSE = _Words("=in =en =em =w =v =za =do =om =tra =fra")
"""Before a term only where something is to be done in it."""
_TO_BE_DONE = re.compile(
    r"remov|delet|tak(?:e|en|ing)\b.{0,40}\b(?:down|offline)|disabl|block|suspend|act\b|verwijder|ontoegankelijk"
    r"|offline|sperr|losch"
    r"|loesch|entfern|retir|supprim|elimin|bloque|blocc|rimuov|rimozion|remoc|usun|odstran|ta bort|tas bort|fjern|poist"
)
_HAVE = _Words(
    "=have =hebt =heeft =haben =avez =disposez =tiene =tienen =dispone =avete =ha =tem =macie =mate =har =on"
)
_YOU = frozenset("you u je sie ihr vous usted ustedes voi lei voce ni i du te teilla".split())  # noqa: SIM905 - words are read more easily
_PAST = _Words(
    "=last =past =previous =preceding afgelopen =laatste =vorige =letzten =vergangenen =derniers =dernieres",
    "=dernier =derniere",
    "ultim ostatni posledni senast =sidste viime =first =seen =online =ago =geleden =vor",
)
_FROM = _Words(
    "=after =from =of =upon =following =na =nach =ab =apres =despues =dopo =apos =po =od =efter =vanaf =jalkeen =voor"
)
_RECEIPT = _Words(
    "=receipt =receiving =receive =this =notice =notification =order ontvang erhalt zugang eingang recept recep",
    "ricevi ricez recibo",
    "otrzyman dorucen obdrzen mottag modtag vastaanot =notificatie =kennisgeving =mail =email =request",
)
_BY = _Words(
    "=by =before =due =deadline =latest =than =uiterlijk =voor =vor =bis =termijn =frist",
    "=spatestens =spaetestens",
    "=avant =ici =tard =delai =antes =tardar =plazo =entro =prima =termine =ate =prazo =przed =do",
    "=najpozniej =termin",
    "=nejpozdeji =pred =lhuta =senast =fore =inden =senest =frist =mennessa =viimeistaan =ennen =remove",
)
_UNTIL = _Words("=until =till =tot =hasta =jusqu =ate")
"""Before a moment only in `you have until`: much else lasts until then."""
_AT_ONCE = _Words(
    "immediat onverwijld onmiddellijk terstond =meteen unverzuglich unverzueglich =sofort sofortig =umgehend",
    "inmediat =forthwith",
    "imediat niezwloczn natychmiast bezodkladn okamzit neprodlen omedelbar =genast ojeblikkelig omgaende",
    "valittomasti viipymatta",
    "aussitot =subito immediatament dringlich",
)
_AT_ONCE_PHRASES = re.compile(
    r"\b(?:without (?:undue |any |further )?delay|at once|per direct|zonder uitstel|ohne verzug"
    r"|sans (?:aucun )?(?:delai|retard)"
    r"|sin (?:demora|dilacion)|senza (?:indugio|ritardo)|sem demora|bez zwloki|utan (?:drojsmal|uppskov)"
    r"|uden (?:ophold|forsinkelse))\b"
)
_DAYS = {
    word: days
    for days, words in enumerate(
        (
            "today vandaag heute aujourd hoy oggi hoje dzisiaj dzis dnes idag tanaan tonight vanavond",
            "tomorrow morgen demain manana domani amanha jutro jutra zitra zitrka imorgon morgon huomenna huomiseen",
            "overmorgen ubermorgen uebermorgen",
        )
    )
    for word in words.split()
}
_WEEKDAYS = (
    _Words("monday =mon maandag montag lundi lunes lunedi =segunda poniedzial pondel mandag maanantai =mandag"),
    _Words("tuesday =tue dinsdag dienstag mardi martes martedi =terca wtorek wtorku uter tisdag tirsdag tiistai"),
    _Words("wednesday =wed woensdag mittwoch mercredi miercoles mercoledi =quarta sroda srody stred onsdag keskiviik"),
    _Words("thursday =thu donderdag donnerstag jeudi jueves giovedi =quinta czwart ctvrt torsdag torstai"),
    _Words("friday =fri vrijdag freitag vendredi viernes venerdi =sexta piatek piatku patek patku fredag perjantai"),
    _Words("saturday =sat zaterdag samstag =sonnabend samedi sabado sabato sobot lordag lauantai"),
    _Words("sunday =sun zondag sonntag dimanche domingo domenica niedziel nedel sondag sunnuntai"),
)
_NOON = _Words(
    "=noon =midday =middag =mittag =mittags =midi =mediodia =mezzogiorno =poludnia =poludniem =polednem =poledne"
    " keskipaiv"
)
_CLOSE = re.compile(
    r"\b(?:(?:end|close) of (?:the )?(?:business|day|working day|office hours)|c\.?o\.?b\b|e\.?o\.?[bd]\b"
    r"|einde (?:van de )?(?:werk)?dag"
    r"|(?:geschafts|geschaefts|dienst|buro)schluss|feierabend|ende des (?:arbeits|geschafts|werk)?tages"
    r"|fin de (?:la )?(?:journee|jornada|dia)"
    r"|fine (?:della )?giornata|fim do (?:dia|expediente)|konc\w{1,2} (?:dnia|dne|pracovni)"
    r"|(?:arbets)?dagens slut|arbejdsdagens|paivan loppuun)"
)
_CLOCK = re.compile(
    r"(?<![\d:.,/-])(?P<hour>[01]?\d|2[0-4])(?:(?:[:.]|\s?h\s?)(?P<minute>[0-5]\d)(?::[0-5]\d)?"
    r"|(?=\s?(?:uur|uhr"
    r"|h\b|am\b|pm\b|a\.m|p\.m|o'clock|kl)))"
    r"\s?(?:uur|uhr|h)?\s?(?P<half>am|pm|a\.m|p\.m)?(?:\.|\b)\s?(?P<zone>z\b|utc|gmt|cest|cet|mesz|mez|bst|edt"
    r"|est|cdt|cst|pdt|pst|[+-]\d{2}:?\d{2})?"
)
_ISO = re.compile(r"(?<!\d)(?P<year>20\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)t?")
_NUMERIC = re.compile(r"(?<!\d)(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>20\d\d|\d\d)(?!\d)")
_MONTH_NAMES = (
    "jan|sty|led|tammi",
    "feb|fev|lut|uno|helmi",
    "mar|mrt|maa|mae|bre",
    "apr|avr|abr|kwi|dub|huhti",
    "may|mai|mei|mag|maj|kve|touko",
    "jun|jui(?!l)|giu|cze|cervn|kesa",
    "jul|juil|lug|lip|cervenc|heina",
    "aug|aou|ago|sie|srp|elo",
    "sep|set|wrz|zar|syys",
    "oct|okt|ott|out|paz|rij|loka",
    "nov|lis|marras",
    "dec|dez|dic|gru|pro|joulu",
)
_MONTH = re.compile("|".join(f"(?P<m{number}>{names})" for number, names in enumerate(_MONTH_NAMES, 1)))
_NAMED = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?\s(?:of |de "
    r"|di )?(?P<name>[a-z]{3,12})\.?(?:,? (?:de )?(?P<year>20\d\d))?"
    r"|\b(?P<name2>[a-z]{3,12})\.? (?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:,? (?P<year2>20\d\d))?"
)
_ZONES = dict.fromkeys(("z", "utc", "gmt"), 0) | {"cet": 1, "mez": 1, "cest": 2, "mesz": 2, "bst": 1}
_ZONES |= {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "pst": -8, "pdt": -7}
_WORD = re.compile(r"\d+|[^\W\d_]+")
_WE = _Words("=we =i =wij =wir =nous =nosotros =noi =nos")
_REPLY = _Words("respon =reply =answer antwoord beantwoord antwort repon contest rispond odpov odpow svar vasta")
"""What the sender says it does itself within a time."""
_NEAR = 4
_DATE_WITHIN = 60  # characters behind the word before a date
_END_OF_BUSINESS = 17 * 60


def terms_in(texts: Iterable[str], *, this_year: int = 0) -> tuple[StatedTerm, ...]:
    """The terms that texts state: the shortest span, and every moment, of very many the first.

    A date without a year is of this year or the next; without `this_year` it is none.
    """
    found: dict[StatedTerm, None] = {}
    shortest: StatedTerm | None = None
    left, cues = _MOST_CHARACTERS, iter(range(_MOST_CUES))
    for text in texts:
        for sentence in sentences_of(text[:left]):
            quote = sentence.written[:_LONGEST_QUOTE]
            for term in _terms_of(sentence.folded, quote, this_year, cues):
                if term.seconds is None:
                    found[term] = None
                elif shortest is None or term.seconds < (shortest.seconds or 0):
                    shortest = term
        left -= len(text[:left])
    return (*((shortest,) if shortest else ()), *itertools.islice(found, _MOST_TERMS))


def _terms_of(said: str, quote: str, this_year: int, cues: Iterator[int]) -> Iterator[StatedTerm]:
    matches = list(_WORD.finditer(said))
    words = [match[0] for match in matches]
    if not (any(map(_WE.match, words)) and any(map(_REPLY.match, words))):
        yield from (StatedTerm(quote, seconds=length.total_seconds()) for length in _lengths(words, said))
    for place, word in enumerate(words):
        if not (_BY.match(word) or (_UNTIL.match(word) and _YOU.intersection(words) and any(map(_HAVE.match, words)))):
            continue
        if next(cues, None) is None:
            break
        yield from _moments(said[matches[place].end() :][:_DATE_WITHIN], quote, this_year, word)
    if _AT_ONCE_PHRASES.search(said) or any(map(_AT_ONCE.match, words)):
        yield StatedTerm(quote, at_once=True)


def _lengths(words: Sequence[str], said: str) -> Iterator[timedelta]:
    """Spans beside a word for a term: `within one hour`, `24 hours after receipt`."""
    for place, word in enumerate(words):
        unit = next((length for pattern, length in _UNITS if pattern.match(word)), None)
        if _HALF_HOURS.match(word):
            span, first = timedelta(minutes=30), place
        elif unit is None or (word == "time" and "inden" not in words):  # Danish for an hour
            continue
        else:
            span, first = _counted(words, place, unit)
            if first == place and not _HOUR.match(word):
                continue  # a unit without a number is an hour, as in `within the hour`
        if span and span <= _LONGEST and _is_term((words, said), first, place, counted=first < place):
            yield span


def _counted(words: Sequence[str], place: int, unit: timedelta) -> tuple[timedelta, int]:
    """The span that ends with a unit, and where it begins; without a number it is one."""
    before = place - 1
    if before >= 1 and words[before].isdigit() and words[before - 1].isdigit():
        return timedelta(0), place  # `12.00 uur` is a moment
    for first in (before, before - 1):  # `half an hour`, `24 full hours`
        if first >= 0 and _HALVES.match(words[first]):
            return unit / 2, first
    for first in (before, before - 1):
        if first >= 0 and (count := _count(words, first)):
            return min(count * unit, _LONGEST), first
        if first >= 0 and words[first].isdigit():
            break
    return unit, place


def _count(words: Sequence[str], place: int) -> int:
    word = words[place]
    if word.isdigit():
        return int(word) if len(word) <= 4 else 0  # noqa: PLR2004 - digits
    if word == "four" and place and words[place - 1] == "twenty":
        return 24
    return _NUMBERS.get(word, 0)


def _is_term(sentence: tuple[Sequence[str], str], first: int, last: int, *, counted: bool) -> bool:
    words, said = sentence
    before, behind = words[max(0, first - _NEAR) : first], words[last + 1 : last + 1 + _NEAR]
    if any(map(_PAST.match, [*before[-2:], *behind[:1]])):
        return False
    if any(_WITHIN.match(word) for word in (before if counted else before[-2:])):
        return True
    if not counted:
        return bool(behind) and behind[0] in _POSTPOSITIONS
    if any(map(_WITHIN.match, behind[:2])) or any(map(_NOUN.match, (*before, *behind[:2]))):
        return True
    if any(map(_HAVE.match, before)) and _YOU.intersection(before):
        return True
    from_receipt = behind and _FROM.match(behind[0]) and any(map(_RECEIPT.match, behind[1:]))
    return bool(from_receipt or (before and _LOOSE.match(before[-1]) and _TO_BE_DONE.search(said)))


def _moments(said: str, quote: str, this_year: int, cue: str) -> Iterator[StatedTerm]:
    """Dates, days and times directly behind a word such as `before`."""
    words = _WORD.findall(said)[:_NEAR]
    if dates := list(_dates(said, this_year)):
        minutes, zone = _clock(said[max(end for *_, end in dates) :])
        for year, month, day, _ in dates:
            with suppress(ValueError, OverflowError):
                moment = datetime(year, month, day, tzinfo=zone or EARLIEST_ZONE) + timedelta(minutes=minutes or 0)
                yield StatedTerm(quote, moment=moment)
        return
    if cue == "remove" and not {"today", "tonight"} & set(words):
        return
    minutes, zone = _clock(said, only_exact=_NOUN.match(cue))
    days = next((_DAYS[word] for word in words if word in _DAYS), None)
    weekday = next((n for word in words for n, name in enumerate(_WEEKDAYS) if name.match(word)), None)
    if days is None and weekday is None and minutes is None:
        return
    if zone and minutes is not None:  # as the clock shows it in the zone that counts for the others
        offset = (zone.utcoffset(None) - EARLIEST_ZONE.utcoffset(None)).total_seconds() // 60
        minutes = int(minutes - offset)
    if days == 0 and minutes is None:
        minutes = _END_OF_BUSINESS
    yield StatedTerm(quote, days=days, weekday=weekday, minutes=minutes)


def _dates(said: str, this_year: int) -> Iterator[tuple[int, int, int, int]]:
    """Year, month and day of a date in each way it can be read, and where it ends."""
    if found := _ISO.search(said):
        yield int(found["year"]), int(found["month"]), int(found["day"]), found.end()
        return
    if found := _NUMERIC.search(said):
        year = int(found["year"]) + (2000 if len(found["year"]) == 2 else 0)  # noqa: PLR2004 - digits
        for day, month in {(found["day"], found["month"]), (found["month"], found["day"])}:
            yield year, int(month), int(day), found.end()
        return
    for found in _NAMED.finditer(said):
        name, day = found["name"] or found["name2"], found["day"] or found["day2"]
        if month := _MONTH.match(name):
            written = found["year"] or found["year2"]
            years = [int(written)] if written else [this_year, this_year + 1] if this_year else []
            yield from ((each, int(str(month.lastgroup)[1:]), int(day), found.end()) for each in years)
            return


def _clock(said: str, *, only_exact: bool = False) -> tuple[int | None, timezone | None]:
    """Minutes after midnight, and the time zone, where one is told.

    Only an exact one where a bare number of hours is a span, as in `deadline: 2 h`.
    """
    if _CLOSE.search(said):
        return _END_OF_BUSINESS, None
    if (found := _CLOCK.search(said)) and (found["minute"] or found["half"] or not only_exact):
        hour = int(found["hour"]) % 12 + 12 * found["half"].startswith("p") if found["half"] else int(found["hour"])
        return hour * 60 + int(found["minute"] or 0), _zone(found["zone"])
    if any(map(_NOON.match, _WORD.findall(said)[: 2 * _NEAR])):
        return 12 * 60, None
    return None, None


def _zone(name: str | None) -> timezone | None:
    if not name:
        return None
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    digits = name[1:].replace(":", "")
    with suppress(ValueError):
        return timezone((1 if name[0] == "+" else -1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    return None
