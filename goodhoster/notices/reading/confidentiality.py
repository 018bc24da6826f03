"""Search for what says that a notice is confidential: that the customer is not to be told.

What a customer has been told cannot be taken back, so in doubt a notice is confidential, whoever sent it and in
whatever format. It is not read by single phrases but by stems of words in twelve languages: a negation beside a word
for telling, in a sentence with a word for the customer; a word for confidential; an investigation; the traffic light
protocol; the articles by which an authority defers what a customer is told.

The disclaimer below many mails ("this e-mail is confidential and intended solely for the addressee") says nothing about
the customer, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from goodhoster.notices.reading.confidential_words import Kind, kind_of, union_of
from goodhoster.notices.reading.wording import Sentence, folded, sentences_of

_LONGEST_QUOTE = 300
_INQUIRY_PAIRS = re.compile(
    r"\b(?:police|criminal|ongoing|on-going|pending|active|covert|judicial"
    r"|law enforcement)\W{1,3}(?:\w{1,15}\W{1,3})?investigation"
    r"|\binvestigation\w{0,1} (?:is|are) (?:\w{1,12} )?(?:under ?way|ongoing|pending|in progress|being conducted"
    r"|running)"
    r"|\b(?:strafrechtelijk|lopend|politie)\w{0,3}[ -]?onderzoek|\bonderzoek (?:loopt|is gaande)"
    r"|\b(?:strafverfahren|ermittlungsverfahren|laufend\w{1,2} verfahren)"
    r"|\benquete\w? (?:\w{1,15} ){0,2}(?:en cours|judiciaire|penale|preliminaire|policiere)|\binstruction en cours"
    r"|\binvestigacion (?:\w{1,12} ){0,1}(?:en curso|policial|penal|criminal|judicial)"
    r"|\bsecreto de (?:las? )?(?:sumario|actuacion)"
    r"|\bindagin[ei] (?:\w{1,12} ){0,1}(?:in corso|penal|di polizia|preliminar)|\bsegreto istruttorio"
    r"|\binvestigacao (?:\w{1,12} ){0,1}(?:em curso|em andamento|criminal|policial)|\binquerito (?:policial"
    r"|em curso)|\bsegredo de justica"
    r"|\bpostepowani\w{1,2} (?:karn|przygotowawcz|w toku)|\bdochodzeni\w{1,2} (?:w toku|policyjn|prowadz)"
    r"|\btrestni\w{0,2} rizeni"
    r"|\bpagaende (?:utredning|forundersokning)|\b(?:igangvaerende|verserende) (?:sag|efterforskning"
    r"|undersogelse)|\btutkinta (?:on )?kesken"
)
_OUR_INQUIRY = re.compile(r"\bunsere\w? (?:\w{1,20} )?ermittlung")
"""What the sender itself found out."""
_TLP = re.compile(r"\btlp[\s:_-]{0,3}(?:red|amber|rood|rot|rouge|rojo)\b")
_ARTICLE = re.compile(
    r"\b11\s?\(3\)|(?:\bart(?:icle|ikel|iculo|icolo|igo|ykul\w?|ikl\w{0,2})?s?\b\.?|\bclank\w{1,2}|\bcl\."
    r"|\u00a7)\s{0,2}"
    r"(?:11\b(?=\D{0,14}3\b)|14\b(?=\D{0,14}7\b)|(?:9|10|17)\b(?=\D{0,14}5\b))"
    r"(?:\s?\(\d\)|,?\s?(?:lid|abs(?:atz)?\.?|para(?:graph\w{0,2}|graaf)?\.?|al(?:inea)?\.?|apartado|comma|n\.?o?"
    r"|ust\.?|odst\.?|stk\.?"
    r"|mom(?:ent)?\w{0,2}\.?)\s?\d)"
)
"""Reg. (EU) 2021/784 Art. 11(3), the proposal against child sexual abuse, Art. 14(7), and DSA Art. 9(5), 10(5),"
" 17(5)."""
_LABEL = re.compile(
    r"[\s>*|\"'\u2022({\[_#-]{0,12}(?:strictly |streng |strikt |strictement )?(?P<label>(?:order |notice "
    r"|report )?(?:is )?"
    r"(?:confidentialit[a-z]{1,2}|confidential|vertrouwelijk(?:heid)?|geheim(?:houding|haltung)?|vertraulich(?:keit)?"
    r"|confidentiel(?:le)?|confidencial(?:idad|idade)?|riservat(?:o|ezza)|confidenzial(?:e|ita)|sigilo(?:so)?"
    r"|poufn(?:e|y|osc)"
    r"|tajne|duvern(?:e|y|ost)|konfidentiell?t?|sekretess|fortrolig(?:t|hed)?|luottamuksellinen|salassapidettava"
    r"|(?:inform|notify) (?:the )?(?:customer|user)|klant informeren|kunden? informieren))"
    r"[\s*_\"')}\]]{0,8}(?P<sign>[:=\t|\u2013-]|$)[\s*:|\"'=-]{0,12}(?P<value>.{0,80})"
)
_ASKS_TO_TELL = ("inform", "notify", "klant", "kunde")
_NOT_SO = re.compile(
    r"(?:no|none|nee|neen|nein|non|geen|keine?|false|0|n/?a|nie|ne|nej|nao|ei|ingen|normal|personal|private"
    r"|not confidential|niet vertrouwelijk|nicht vertraulich|non confidentiel|no confidencial)\b"
)
_DENIED = re.compile(
    r"\b(?:not|niet|nicht|non|no|pas|nao|nie|ne|inte|ikke|ei) (?:\w{1,8} )?(?:confiden|vertrouw|vertraul|geheim"
    r"|riserv|poufn|duvern"
    r"|konfid|fortrol|luottam)"
)
_CONTENT = re.compile(
    r"\bconfidential (?:\w{1,15} (?:and |or )?)?(?:data|documents?|credentials|files|details|login\w?|information)\b"
    r"|\b(?:vertrouwelijke|confidentiele) (?:gegevens|informatie|documenten)|\bvertraulichen? (?:daten"
    r"|informationen|unterlagen)"
    r"|\b(?:donnees|informations|documents) confidentiel|\b(?:datos|informacion) confidencial|\b(?:dati"
    r"|informazioni) (?:riserv|confid)"
    r"|\b(?:dados|informacoes) confidenc|\bdan\w{1,2} poufn|\bduvern\w{1,3} (?:dat|inform|udaj)"
)
"""What a site shows or steals, as in `it phishes for confidential information`."""
_MADE_SHORT = (
    (re.compile(r"\S{0,200}://\S+"), " "),
    (
        re.compile(
            r"\brecipients? of (?:the |your |its )?services?|\bdestinatair\w{1,3} (?:du|de votre) service"
            r"|\bdestinatari\w (?:del|do|dos|di) serv\w+|\bprijemc\w{1,2} sluzby|\bpalvelun vastaanottaj\w+"
            r"|\btjanstemottagar\w+|\btjenestemodtager\w+"
        ),
        "customer",
    ),
    (
        re.compile(
            r"\b(?:copyright|rights?|trademark|brand|hosting|service|internet|access|network|upstream)"
            r" (?:owner|holder|provider)s?\b"
        ),
        " ",
    ),
)
"""Addresses are no words; the DSA's name for a customer; who is none."""
_CREDENTIALS = re.compile(r"\b(?:password|passwort|wachtwoord|credential|mot de passe|contrasen|pin code)")
_THIS = frozenset(
    "this dit deze dies diese dieser dieses ce cet cette este esta questo questa ten ta tato tento denna detta "  # noqa: SIM905 - words are read more easily
    "denne dette tama".split()
)
_YOU = frozenset("you your u uw sie ihr ihnen vous tu usted ustedes voi lei voce".split())  # noqa: SIM905 - the same
_ABOUT = frozenset("about over uber ueber sur sobre on su o om".split())  # noqa: SIM905 - the same
_LETTERS = re.compile(r"[^\W\d_]{1,40}|,")
_FAR = 12
"""Words between the telling and the customer."""
_GAP = 4
"""Words between the negation and the telling."""
_FURTHEST_BEHIND = 7
_HEADING = 2
_SECRETS = Kind.SECRET | Kind.KEPT_SECRET
_MOST_CHARACTERS = 1 << 20
"""Of all texts of one notice."""


def confidential_sentence(texts: Iterable[str]) -> str:
    """The first sentence that says that the customer is not to be told; empty where none does."""
    left = _MOST_CHARACTERS
    for text in texts:
        if found := next(_confidential_in(text[:left]), ""):
            return " ".join(found.split())[:_LONGEST_QUOTE]
        left -= len(text[:left])
    return ""


def _confidential_in(text: str) -> Iterator[str]:
    lines = text.split("\n")
    denied: set[int] = set()
    for number, line in enumerate(lines):
        said = _label_says(line, lines[number + 1 : number + 3])
        if said:
            yield line
        elif said is False:
            denied.add(number)
    if denied:
        text = "\n".join(line for number, line in enumerate(lines) if number not in denied)
    sentences = [_Read(sentence) for sentence in sentences_of(text)]
    for number, sentence in enumerate(sentences):
        near = union_of(other.union for other in sentences[max(0, number - 2) : number + 3])
        if _says_so(sentence, to_addressee=bool(near & Kind.ADDRESSEE)):
            yield sentence.written


def _label_says(line: str, following: Sequence[str]) -> bool | None:
    """What a line `Confidential: yes` or such a heading says; None where it is none."""
    found = _LABEL.match(folded(line[:200]))
    if not found:
        return None
    value = found["value"].strip() or folded(next((text.strip() for text in following if text.strip()), "")[:80])
    says_no = _NOT_SO.match(value) is not None
    if any(asked in found["label"] for asked in _ASKS_TO_TELL):
        return says_no or None
    if not says_no and any(kind & Kind.ADDRESSEE for kind in map(kind_of, _LETTERS.findall(value))):
        return None  # the heading of a disclaimer
    return not says_no


def _says_so(sentence: _Read, *, to_addressee: bool) -> bool:
    said, union = sentence.folded, sentence.union
    if _TLP.search(said) or _ARTICLE.search(said) or _INQUIRY_PAIRS.search(said):
        return True
    if union & Kind.INQUIRY and not _OUR_INQUIRY.search(said):
        return True
    disclaims = to_addressee and union & Kind.MAIL
    if union & _SECRETS and not disclaims and _is_called_secret(sentence):
        return True
    anybody = 0 if to_addressee or _CREDENTIALS.search(said) else Kind.ANYBODY
    return _forbids_telling(sentence, Kind.CUSTOMER | anybody)


def _is_called_secret(sentence: _Read) -> bool:
    """Whether the notice is called confidential, and not what a site shows or steals."""
    if not sentence.union & Kind.SECRET:
        return bool(sentence.union & Kind.KEEP) or len(sentence.words) <= _HEADING
    said = _DENIED.sub(" ", sentence.folded)
    if not _THIS.intersection(said.split()[:3]):
        said = _CONTENT.sub(" ", said)
    return any(kind_of(word) & Kind.SECRET for word in _LETTERS.findall(said))


def _forbids_telling(sentence: _Read, told: int) -> bool:
    """Whether a word for telling, one for who is told, and a negation belong together."""
    words, kinds = sentence.words, sentence.kinds
    if not sentence.union & told or not sentence.union & (Kind.TELL | Kind.SHIELDED | Kind.MAIL):
        return False
    customers = [place for place, kind in enumerate(kinds) if kind & told]
    for place, kind in enumerate(kinds):
        if kind & Kind.SHIELDED and any(place < customer <= place + _FAR for customer in customers):
            return True
        if kind & Kind.MAIL and _no_information(words, kinds, place, customers):
            return True
        if not kind & Kind.TELL or any(kind & Kind.OURSELVES for kind in kinds[place + 1 : place + 3]):
            continue
        negated = _is_negated(words, kinds, place) or (sentence.union & Kind.ONLY and _only_later(kinds))
        if negated and any(abs(customer - place) <= _FAR for customer in customers):
            return True
    return False


def _no_information(words: Sequence[str], kinds: Sequence[int], place: int, customers: Sequence[int]) -> bool:
    """`No information to the customer`."""
    behind = next((customer for customer in customers if place < customer <= place + _GAP), 0)
    return bool(place and behind and kinds[place - 1] & Kind.NO) and not _ABOUT.intersection(words[place:behind])


def _is_negated(words: Sequence[str], kinds: Sequence[int], place: int) -> bool:
    if kinds[place] & Kind.NO:
        return True
    commas = 0
    for before in range(place - 1, max(-1, place - 2 - _GAP), -1):
        commas += words[before] == ","
        negated_infinitive = before and kinds[before - 1] & Kind.NO  # `utan att meddela`, `uden at kontakte`
        if kinds[before] & Kind.ANEW or (kinds[before] & Kind.CONJUNCTION and not negated_infinitive):
            break
        if kinds[before] & Kind.NO:
            if commas != 1 and not _reports(words, kinds, before, place):
                return True
            break
    for behind in range(place + 1, min(len(kinds), place + 1 + _FURTHEST_BEHIND)):
        if (Kind.ANEW | Kind.CONJUNCTION) & kinds[behind] or words[behind] == ",":
            break
        if kinds[behind] & Kind.NO_BEHIND:
            return True
    return False


def _reports(words: Sequence[str], kinds: Sequence[int], negation: int, place: int) -> bool:
    """Whether it tells what its sender did not do."""
    speaker = any(kind & Kind.REPORTS for kind in kinds[max(0, negation - 2) : negation])
    return speaker and not _YOU.intersection(words[max(0, negation - 2) : place])


def _only_later(kinds: Sequence[int]) -> bool:
    """`Only after ...`, `erst nach ...`, `pas wanneer ...`."""
    return any(
        kind & Kind.ONLY and any(k & Kind.AFTERWARDS for k in kinds[n + 1 : n + 7]) for n, kind in enumerate(kinds)
    )


class _Read:
    """A sentence with what each of its words can be."""

    __slots__ = ("folded", "kinds", "union", "words", "written")

    def __init__(self, sentence: Sentence) -> None:
        said = sentence.folded
        for pattern, instead in _MADE_SHORT:
            said = pattern.sub(instead, said)
        self.written, self.folded = sentence.written, said
        self.words = _LETTERS.findall(said)
        self.kinds = [kind_of(word) for word in self.words]
        self.union = union_of(set(self.kinds))
