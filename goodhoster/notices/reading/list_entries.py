"""Entries of a list: addresses alone on their line, or behind the label of a target.

An address in a sentence may be anything: the victim's own site, a reference, what the sender wants to stay. So may one
behind another label, below another heading, or in the signature.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from goodhoster.notices.reading.folding import folded

MENTIONED = "it stands in a sentence, not as an entry of a list: a person sees whether it is meant"
LABELLED = "its label or heading may call it something else than what is to be removed"
SIGNED = "it stands below the signature"
_GAP = "\x01"
_RUN = re.compile(f"{_GAP}+")
_MARKUP = re.compile(
    r"\[/?(?:url|img|link|code|b|i|li|\*)\]|\[url=|</?[a-z]{1,10}>|&(?:gt|lt|quot|nbsp|amp);", re.IGNORECASE
)
_DATA = re.compile(
    r"\b(?:[0-9a-f]*\d[0-9a-f]*|(?-i:[A-Z]{2})|AS\s?\d+|sha-?(?:1|256|512)|md5|ipv[46]|ip|utc|gmt|ces?t|am|pm"
    r"|http/?s?|jpe?g|png|gif|webp|mp4|webm|avi|zip|rar"
    r"|jan|feb|mar|mrt|m.r|apr|may|mai|mei|jun|jul|aug|sep|sept|o[ck]t|nov|de[cz]|mon|tue|wed|thu|fri|sat"
    r"|sun)\b|[0-9a-f:]*:[0-9a-f:]*|\d[\dTZ:.,/+-]*",
    re.IGNORECASE,
)
"""What stands beside an address in a list and says nothing: numbers, dates, IP addresses, digests, countries."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_BULLET = re.compile(r"\A\s{0,40}(?:[(\[]?(?:\d{1,5}|[a-z])[.):\]]{1,2}\s|[#-]?\d{1,5}\s)", re.IGNORECASE)
_MOST_WORDS_OF_LABEL = 6
_MOST_WORDS_OF_BARE_LABEL = 3
_MOST_WORDS_OF_CELL = 5
_LOOKED_AT = 400  # characters of a line or heading on each side
_TARGET = re.compile(
    r"(?:ur[li]s?|links?|weblinks?|hyperlinks?|adres(?:sen?)?|webadres(?:sen)?|address(?:es)?|adressen?"
    r"|webadressen?|domains?|location|locatie|fundstellen?|reported|infring|illegal|offend|violat|abus"
    r"|unlawful"
    r"|gemeld|strafba|illega|inbreuk|gemeldet|rechtswidrig|rechtsverletz|signale|illicit|liens?|adresses?"
    r"|enlaces?|direccion|denunciad|ilegal|ilicit|infract|collegament|indirizz|segnalat|illec"
    r"|endereco|ligac|lin[ck]k?|odkaz|adresa|adresy|odnosnik|zgloszon|nielegaln|nahlasen|lank|lankar|adress"
    r"|anmald|olaglig|adresser|anmeldt|ulovlig|osoite|osoitteet|linkki|ilmoitet|laiton"
    r"|ссылк|адрес|посилан|връзк|συνδεσμ|διευθυν|baglanti|adresi|hivatkoz|cim|poveznic|naslov|nuorod|saite"
    r"|viide|content|material|inhalt|contenu|contenido|contenuto|conteudo|inhoud|materiaal|csam|files?|bestand"
    r"|datei|bild|image|picture|photo|video|foto|afbeelding|fichier|archivo|item|source url)"
)
_OTHER = re.compile(
    r"origin|offici|offiz|ofici|uffic|referen|referr|screensh|schermaf|bildschirm|bewei|bewij|legit|licen[cs]"
    r"|copyrigh|trademark|slachtoffer|victim"
    r"|(?:ref|referer|kenmerk|screenshot|screen|schermafdruk|schermaf|bildschirmfoto|capture|captura|source"
    r"|bron|quelle|fuente|fonte|log|logs|proof|evidence|bewijs"
    r"|beweis|preuve|prueba|prova|home|homepage|website|websites|web|site|webseite|sito|sitio|victim"
    r"|slachtoffer|opfer|victime|victima|vittima|legit|legal|lawful|genuine|authentic|real|echte?|licens"
    r"|rights|rechten|copyright|owner|own|eigen|mine|our|onze|unsere?|notre|nuestr|nostr"
    r"|bank|listing|mark|brand|merk|marke|marque|brands?|trademark|contact|kontakt|info|informat|more|meer"
    r"|mehr|detail|policy|privacy|terms|help|hilfe|portal|form|formulier|formular|dashboard|unsubscribe"
    r"|afmelden|abmelden|report|reports|ticket|case|dossier|faq|question|vragen"
    r"|documentation|docs|manual|wiki|blog|news|nieuws|law|wet|gesetz|article|artikel|example|voorbeeld"
    r"|beispiel|exemple|ejemplo|esempio|sample|previous|vorig|former|archive|archief|whois|lookup|virustotal"
    r"|urlscan|mirror|compare|versus|instead|removed|verwijderd|entfernt|geloscht"
    r"|offline|gone|closed|withdrawn|ingetrokken|not|niet|nicht|no|geen|kein|keine|pas|non|except|must|keep"
    r"|stay|leave|safe|clean|good|correct|juiste|richtig|whitelist|allow|excluded|parent|page|pagina|seite|via"
    r"|from|van|landing|redirect|profile|profiel|account|shop|store)\Z"
)
"""Words of labels for what is not meant, or may not be."""
_PLACES = frozenset(
    {
        "site",
        "website",
        "websites",
        "web",
        "webseite",
        "sito",
        "sitio",
        "page",
        "pagina",
        "seite",
        "from",
        "van",
        "via",
        "mark",
        "rights",
        "rechten",
        "info",
    }
)
"""Of these, what a heading of the list itself may have: where the material stands."""
_ORDERS = frozenset(
    folded(
        "请删除 請刪除 请移除 刪除 削除してください "
        "please thanks danke kindly remove delete take down offline block disable make inaccessible the "
        "following this these that url urls uri link links address addresses content material file image "
        "picture item at from now immediately asap "
        "urgently urgent within hour hours days minutes as soon possible and without delay can could would will you "
        "once today promptly directly straight right away undue we ask request asking to be an any all your our "
        "server servers platform network hosting systems pictures photo photos images video videos files items "
        "illegal unlawful "
        "infringing reported offending csam csem child sexual abuse "
        "gelieve graag wilt kunt zou u het de volgende onderstaande dit deze adres adressen inhoud materiaal "
        "bestand afbeelding verwijder verwijderen ontoegankelijk maken halen te op zo snel mogelijk "
        "onmiddellijk onverwijld direct meteen vandaag binnen uur offline willen wij verzoeken vragen uw server "
        "servers platform netwerk foto foto's plaatje plaatjes video video's beelden bestanden illegale strafbare "
        "gemelde "
        "bitte sperren löschen entfernen sie die das den folgende folgenden diese dieses adresse adressen "
        "inhalt datei bild unter sofort umgehend unverzüglich heute innerhalb von stunden nehmen wir bitten um ihrem "
        "ihren server servern plattform netz bilder fotos videos dateien illegale illegalen gemeldete gemeldeten "
        "veuillez merci de supprimer retirer bloquer le la les contenu suivant lien adresse fichier dans "
        "heures immédiatement sans délai vos votre serveur serveurs image images photo photos vidéo vidéos fichiers "
        "inmediatamente inmediato sus servidores imagen imágenes foto fotos immediatamente subito vostri immagine "
        "por favor eliminen elimine eliminar retiren retirar bloqueen el la siguiente contenido enlace "
        "prego rimuovere rimuovete eliminare il seguente contenuto prosze usunac usunięcie nastepujacy "
        "prosím odstraňte vänligen ta bort fjern venligst slet poistakaa удалите пожалуйста"
    ).split()
)
"""Words of nothing but an order to remove."""
_REMOVES = frozenset(
    folded(
        "请删除 請刪除 请移除 刪除 削除してください "
        "remove delete take block disable inaccessible verwijder verwijderen ontoegankelijk offline sperren "
        "löschen entfernen supprimer retirer bloquer eliminen elimine eliminar retiren retirar bloqueen "
        "rimuovere rimuovete eliminare usunac odstraňte bort fjern slet poistakaa удалите"
    ).split()
)
_POLITE = frozenset({"please", "thanks", "bitte", "danke", "merci", "graag"})
_ENDS_WELL = re.compile(
    r"\W{0,5}(?:--\s*\Z|(?:with )?(?:kind|best|warm|many)? ?(?:regards|wishes|greetings)\b"
    r"|(?:yours )?(?:sincerely|faithfully|truly)\b|cheers\b|(?:met )?(?:vriendelijke"
    r"|hartelijke)? ?groet(?:en)?\b|hoogachtend\b"
    r"|(?:mit )?(?:freundlichen?|besten?|viele|herzliche) gru(?:ss|sse|ssen|en)\b|hochachtungsvoll"
    r"|cordialement|(?:bien )?(?:cordiales|salutations)|veuillez agreer|(?:un )?(?:cordial )?saludos?\b"
    r"|atentamente"
    r"|cordiali saluti|distinti saluti|atenciosamente|cumprimentos|com os melhores|pozdrawiam|z powazaniem"
    r"|s pozdravem|med vanlig|med venlig|med vennlig|mvh\b|ystavallisin|terveisin|с уважением|з повагою"
    r"|с уважение|thank(?:s| you)[^.:]{0,60},\s*\Z)"
)


def standings(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The doubts that follow from where addresses stand, in order; empty for a list's entry."""
    found: list[str] = []
    heading, signed, number, offset = "", False, 0, 0
    for line in _blanked(text, spans).split("\n"):
        begins, offset = number, offset + len(line) + 1
        while number < len(spans) and spans[number][0] < offset:
            number += 1
        if number > begins:
            doubt = _doubt(_RUN.sub(f" {_GAP} ", line), heading, signed=signed)
            found += [doubt] * (number - begins)
            heading = _RUN.sub(" ", line)[-_LOOKED_AT:] if doubt == MENTIONED else heading
        elif line.strip():
            heading = line[-_LOOKED_AT:]
            said = folded(line[:_LOOKED_AT])
            signed = not _names_target(heading) and (signed or _ENDS_WELL.match(said) is not None)
    return found


def _blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Text of the same length with one sign in place of each character of an address."""
    pieces, end = [], 0
    for start, stop in spans:
        begins = max(start, end)
        pieces += [text[end:begins], _GAP * max(0, stop - begins)]
        end = max(end, stop)
    return "".join((*pieces, text[end:]))


def _doubt(line: str, heading: str, *, signed: bool) -> str:
    before, _, rest = line.partition(_GAP)
    between, _, behind = rest.rpartition(_GAP)
    words = [_words(piece) for piece in (_BULLET.sub(" ", before, count=1), between, behind)]
    if not any(words):
        return SIGNED if signed else LABELLED if _may_be_other(heading) else ""
    if _only_orders([word for piece in words for word in piece]):
        return ""
    if words[1] or words[2]:
        return LABELLED if _is_row(line) and _is_other(words[0]) else "" if _is_row(line) and not signed else MENTIONED
    return _doubt_of_label(before, words[0])


def _doubt_of_label(before: str, words: Sequence[str]) -> str:
    ends = before.rstrip(" \t\"'<([*_`\u201c\u201e\u00ab").endswith((":", "=", "\uff1a", ">", "|"))
    most = _MOST_WORDS_OF_LABEL if ends else _MOST_WORDS_OF_BARE_LABEL
    if len(words) > most:
        return MENTIONED
    if _is_other(words) or not any(map(_TARGET.match, words)) or not (ends or all(map(_TARGET.match, words))):
        return LABELLED
    return ""


def _words(text: str) -> list[str]:
    said = _DATA.sub(" ", _MARKUP.sub(" ", text))
    return [folded(word) for word in _WORD.findall(said)]


def _is_other(words: Sequence[str]) -> bool:
    return any(map(_OTHER.match, words))


def _may_be_other(heading: str) -> bool:
    """Whether the line above is a heading for something else than what is to be removed."""
    if re.search(r"[:\uff1a](?!\s*\Z)", heading):
        return False
    words = [folded(word) for word in _WORD.findall(re.split(r"[.!?]\s", heading)[-1])]
    leads = heading.rstrip().endswith((":", "\uff1a")) or len(words) <= _MOST_WORDS_OF_LABEL
    return (
        leads
        and any(map(_OTHER.match, words))
        and not set(words) & _REMOVES
        and not set(filter(_OTHER.match, words)) <= _PLACES
    )


def _names_target(heading: str) -> bool:
    words = [folded(word) for word in _WORD.findall(heading)]
    return heading.rstrip().endswith((":", "\uff1a")) and any(map(_TARGET.match, words)) and not _is_other(words)


def _only_orders(words: Sequence[str]) -> bool:
    return all(map(_ORDERS.__contains__, words)) and (any(map(_REMOVES.__contains__, words)) or set(words) <= _POLITE)


def _is_row(line: str) -> bool:
    """Whether a line is the row of a table, with short cells that signs separate."""
    separator = next((sign for sign in ("\t", "|", ";") if sign in line), "," if re.search(r",(?! )", line) else "")
    return bool(separator) and all(len(_words(cell)) <= _MOST_WORDS_OF_CELL for cell in line.split(separator))
