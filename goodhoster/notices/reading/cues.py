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

from goodhoster.notices.reading.cue_words import ALONE, GROUPS, PAIRS, PHRASES, Pair
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
_IF = (
    r"(?:if|unless|in case|should|when|once|as soon as|after|indien|als|mocht|wanneer|zodra|nadat|falls"
    r"|wenn|sollten?|sobald|nachdem|si|lorsque|quand|des que|apres|une fois|cuando|una vez|quando|se"
    r"|caso|se)"
)
_ORDINARY = re.compile(
    r"\b(?:no|not) (?:later|more) than\b"
    r"|"
    r"\bno reply\b|\bnoreply\b"
    r"|"
    # do not reply, open, distribute: verbs of removing stay
    r"\b(?:do|please do|should|must|may|can) not (?:reply|respond|answer|open|click|visit|distribute"
    r"|forward|share|view|download|publish|contact|inform|notify|disclose|ignore|hesitate)\b"
    r"|"
    r"\bniet (?:te )?(?:beantwoorden|antwoorden|openen|klikken|verspreiden|bezoeken|doorsturen|delen"
    r"|informeren|negeren|reageren)\b"
    r"|"
    r"\b(?:antwoord|reageer|beantwoord|open|verspreid|bezoek|negeer)\b (?:(?!verwijder)\w+ ){0,4}niet\b"
    r"|"
    r"\bnicht (?:zu )?(?:antworten|offnen|beantworten|verbreiten|besuchen|weiterleiten|teilen"
    r"|informieren|ignorieren|anklicken)\b"
    r"|"
    r"\b(?:antworten|offnen|beantworten|besuchen|verbreiten) sie (?:(?!losch|entfern|sperr)\w+ ){0,4}nicht\b"
    r"|"
    r"\bne (?:pas )?(?:repond\w*|ouvr\w*|diffus\w*|visit\w*|partag\w*|transmett\w*"
    r"|transfer\w*)(?: (?:pas|jamais))?\b"
    r"|"
    r"\bno (?:reply|response|answer) (?:is |to this (?:e-?mail|message) is )?(?:needed|necessary|required)\b"
    r"|"
    r"\bgeen (?:antwoord|reactie) (?:nodig|noodzakelijk|vereist)\b|\bkeine (?:antwort"
    r"|ruckmeldung) (?:notig|erforderlich|notwendig)\b"
    r"|"
    # more information, questions
    r"\b(?:for|any) (?:more|further|additional|other|any) (?:information|info|details|questions)\b"
    r"|\bfor information (?:about|on|see)\b"
    r"|\bvoor (?:meer|verdere|nadere|aanvullende) informatie\b|\b(?:fur|zu) (?:weiteren?|nahere[rn]?"
    r"|mehr) informationen\b"
    r"|\bpour (?:plus d'|toute |de plus amples )(?:informations?|information)\b|\bpara (?:mas"
    r"|mais) inform\w+\b|\bper (?:maggiori|ulteriori) informazioni\b"
    r"|"
    # let us know
    r"\b(?:let|keep) (?:us|me) (?:know|informed|posted)\b|\blaat (?:het )?ons (?:\w+ )?weten\b"
    r"|\bhoud(?:t)? (?:ons|u ons) op de hoogte\b"
    r"|\blassen sie (?:es )?uns (?:\w+ )?wissen\b|\bhalten sie uns auf dem laufenden\b"
    r"|\btenez nous informes\b"
    r"|"
    # a condition that is about them or about the time when it is done
    rf"\b{_IF} (?:[^\W_]+[ ',]{{1,3}}){{0,14}}?(?:not (?:your|the (?:owner|right|responsible|intended"
    rf"|correct|hosting|addressee))|not (?:responsible|hosted|host|hosting|yours|concerned|you|remove"
    rf"|removed|comply|act|taken|made)"
    r"|niet (?:de |uw |van |bij |aan |voldoet|verantwoordelijk|verwijdert|beheerder|eigenaar)"
    r"|nicht (?:der |die |ihr|zustandig|verantwortlich|in |von |bei |nachkommen|entfern)"
    r"|n'?e?t?e?s? ?pas (?:le |la |responsable|votre|concerne)|no longer (?:your|hosted|responsible))"
    r"|"
    rf"\b{_IF} (?:[^\W_]+[ ',]{{1,3}}){{0,10}}?(?:removed|deleted|offline|taken down|inaccessible"
    rf"|disabled|verwijderd|ontoegankelijk|entfernt|geloscht|gesperrt|supprimes?|retires?|eliminad\w+"
    rf"|rimoss\w+|removid\w+|resolved|fixed|solved|opgelost|behoben|resolu)\b"
    r"|"
    rf"\b{_IF} (?:you|u|sie|vous) (?:believe|think|feel|consider|have reason|are of the opinion|denkt"
    rf"|meent|vindt|van mening|glauben|meinen|der ansicht|der meinung|pensez|estimez"
    rf"|croyez)[^.;!?]{{0,160}}?"
    r"(?:mistake|error|wrongly|incorrect\w*|false positive|ten onrechte|onterecht|vergissing|fout"
    r"|onjuist|irrtum|fehler|zu unrecht|falschlich|erreur|a tort)\b"
    r"|"
    r"\b(?:received|ontvangen|erhalten|recu) (?:this|dit|deze|diese|cet?)? ?(?:e-?mail|message|bericht"
    r"|mail|nachricht|courriel)? ?(?:in|by|per|ten|par) (?:error|mistake|ongeluk|abuis|onrechte"
    r"|erreur)\b"
    r"|"
    r"\b(?:irrtumlich|versehentlich|ten onrechte|per abuis|abusievelijk) (?:erhalten|ontvangen)\b"
    r"|"
    # confirm that it is done
    r"\b(?:confirm|inform us|notify us|tell us|report back|bevestig\w*|bestatig\w*"
    r"|confirm\w*) (?:to us |ons |uns |nous )?(?:that|when|once|as soon as|after|dat|zodra|wanneer"
    r"|dass|sobald|wenn|que|lorsque|des que) (?:[^\W_]+[ ',]{1,3}){0,10}?"
    r"(?:removed|deleted|offline|taken down|inaccessible|disabled|verwijderd|ontoegankelijk|entfernt"
    r"|geloscht|gesperrt|supprimes?|retires?|no longer (?:available|accessible|online|reachable))\b"
    r"|"
    r"\bnot (?:delete|remove|destroy|erase|alter|change) (?:the |any |your |these |those )?(?:server "
    r"|access |ip )?(?:log ?files?|logs|evidence|records?|data)\b"
    r"|\b(?:log ?bestanden|log ?dateien|protokolle|logs|bewijs\w*|beweise) niet (?:te )?(?:verwijderen"
    r"|wissen|vernietigen)\b"
    r"|\b(?:log ?dateien|protokolle|logs|beweise) nicht (?:zu )?(?:loschen|entfernen|vernichten)\b"
    r"|"
    r"\bno(?:t)? (?:be )?(?:liable|liability)\b"
    r"|"
    r"\bnot (?:been )?authori[sz]ed by\b|\b(?:is|are) not (?:permitted|allowed) by\b"
    r"|\bnothing in this (?:letter|notice|e-?mail|mail|message) (?:shall|is|should|can)\b"
)
"""What ordinary orders say, and is no cue: only these words are taken out, and the rest of the sentence is "
"looked at."""
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
