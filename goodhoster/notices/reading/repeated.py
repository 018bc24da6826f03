"""Repeated text in a mail: automatic replies, bounces, list mails, quotations.

Its sender only repeats it. Automatic replies, bounces and mails of lists count as a whole; of other mails, the quoted
text.

A proven sender is believed for what it says, and that may hold what somebody else wrote to it: a hotline's automatic
reply with the forger's mail below it bears the hotline's signature. So quoted text is set beside the mail, as enclosed
mails are, and a person decides about it. In doubt something counts as quoted.

Automatic mails as such act: a hotline's reports are made by programs (`Auto-Submitted: auto-generated`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from goodhoster.notices.reading.acknowledgements import acknowledges, is_automatic
from goodhoster.notices.reading.html_text import text_of_html
from goodhoster.notices.reading.mail import Mail, Part

_RECEIPT_WITHIN = 4000  # characters: an acknowledgement says so first, often with the mail below
_READ_FOR_RECEIPTS = 16 * _RECEIPT_WITHIN  # of the source, which may be HTML
_REPLY_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From", "X-Mail-Autoreply")
_LIST_HEADERS = ("List-Id", "List-Post", "List-Unsubscribe-Post", "Mailing-List", "X-Mailing-List")
_REPORTS = frozenset({"delivery-status", "disposition-notification"})
_ABOUT_OTHERS = frozenset({"message/delivery-status", "message/disposition-notification", "message/partial"})
_UNDELIVERED = "X-Failed-Recipients"
_DAEMONS = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z]{1,10})((?:\s[^<>]{0,4000})?)>", re.IGNORECASE)
_REST = re.compile(
    r"gmail_quote|gmail_attr|zmail_extra|(?:class|id|name)\s?=\s?[\"']?[^\"'>]{0,200}?\b[\w-]{0,40}(?:quot(?:e|ed|ation)|history)\b|yahoo_quoted|protonmail_quote|moz-cite-prefix|moz-forward-container|tutanota_quote"
    r"|divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|stopSpelling|zwchr|mail-editor-reference-message"
    r"|replyforwardmessage"
    r"|border-top\s?:\s?solid\s#(?:E1E1E1|B5C4DF)"
    r"|border-(?:left|inline-start)(?:-(?:width|style))?\s?:\s?(?!none|0|hidden|initial|unset)[a-z0-9#]"
    r"|border-width\s?:\s?0\w*\s+0\w*\s+0\w*\s+\.?[1-9]",
    re.IGNORECASE,
)
"""In a tag: where a mail program begins the mail that is answered or passed on (Gmail, Yahoo, Outlook, Thunderbird,
Zimbra and so on), or draws a bar beside it. What follows is of that mail.
"""
_GOES_ON_BELOW = re.compile(r"[./]\S*[/_=&?%-][ \t]*\Z")
"""The end of a line that an address may run over: what is below belongs to it, and so it belongs to that."""
_QUOTING = frozenset({"blockquote", "q", "cite", "del", "s", "strike"})
"""Tags around what somebody else said, or what the sender struck out."""
_CELLS = frozenset({"table", "thead", "tbody", "tr", "td", "th"})
"""Tags whose left border is a table's."""
_BLANK = r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]{0,40}"
_QUOTED_LINE = re.compile(
    _BLANK + r"(?::(?=\s)|[%#]{1,3}\s{1,4}(?=h[tx*]{2}ps?\b|www\.)|[^\W\d_]{0,12}>|&(?:gt|raquo|rsaquo|#62|#x3e);"
    r"|[|\xa6\xbb\u203a\u226b\u2502\u2503\u2506\u250a\u258c\u258e\u276f\u27e9\u27eb\u3009\u300b\ufe65\uff1e\uff5c\uffe8])",
    re.IGNORECASE,
)
"""Signs of a quotation: `>`, bars and brackets that mail programs of any language put before a line."""
_QUOTES = re.compile(rf"\A(?:{_QUOTED_LINE.pattern})+")
_SEPARATOR = re.compile(
    r"(?!.*\bPGP\b)\s*[*_]{0,2}-{2,}.{0,80}?(?:message|bericht|nachricht|mail|mensaje|messaggio|mensagem|origin|forward"
    r"|doorgestuurd|weitergeleitet|transf[ée]r|wrote).{0,80}?-{2,}[*_]{0,2}\s*"
    r"|\s*(?:begin forwarded message|anfang der weitergeleiteten|begin doorgestuurd bericht|d[ée]but du message"
    r"|(?:you|u|je|jij|sie|vous|usted) (?:wrote|said|schreef|schreven|schrieben|avez écrit|escribió)\W{0,5}"
    r"|inicio del mensaje reenviado|inizio (?:del )?messaggio inoltrato)\b.{0,60}",
    re.IGNORECASE,
)
_FRAME = re.compile(r"\s*(?:\|-{3,}\+-{3,}>|>-{8,}\|)\s*|\s{10,}(?:\S.{0,60}\s{10,})?(?:To|cc|bcc|Subject)\s*")
"""A line of the frame in which Lotus Notes puts the headers of the mail that is answered, or of its columns."""
_EARLIER = (
    r"quot(?:e|ed|ation)|zitat|citaat|citation|cita|citazione|cytat|citace|citat|original\w*|origineel|forward\w*"
    r"|history|verlauf|geschiedenis|historie|historique|historial|cronologia|historia|geçmiş|история|історія|履歴|历史|歷史"
    r"|conversation|konversation|gesprek|conversaci[oó]n|thread|earlier|previous|vorherig\w*|fr[uü]her\w*|eerdere?|pr[eé]c[eé]dent\w*"
    r"|anterior\w*|wcześniejsz\w*|předchozí\w*"
)
"""Words for what was written before."""
_BLOCK = re.compile(
    rf"\s*(?:\[/?(?:quote|quotation|zitat|citaat|spoiler)\b[^\]\n]{{0,200}}\]|\{{(?:quote|noformat|panel)\b[^}}\n]{{0,200}}\}}"
    rf"|(?:-{{2,}}|[=#*~+<>]{{2,}}|\u2014{{1,}}|\u2500{{2,}})\s*(?:\S+\s+){{0,3}}?(?:{_EARLIER})\b.{{0,60}}"
    rf"|(?:\S+\s){{0,2}}(?:{_EARLIER})(?:\s\S+){{0,3}}\s?[:\uff1a]?)\s*",
    re.IGNORECASE,
)
"""A line that begins a block of what was written before: BBCode, wiki markup, a ruled or a bare title."""
_SHORT_WROTE = re.compile(
    r"\s*(?:\S+\s){1,5}(?:wrote|said|schreef|schrieb|a écrit|escribió|ha scritto|escreveu|skrev|napsal|pisze)"
    r"\W{0,5}\s*",
    re.IGNORECASE,
)
_ONLY_WHEN = re.compile(r"\s*(?![^\W\d_][^:\d]{1,24}:)(?=.*\d{4})(?=.*\d{1,2}[:.h]\d{2})[\w,.:/+() -]{10,60}\s*")
"""A line with nothing but a day and a time."""
_ONLY_NAME = re.compile(r"\s*[^\W\d_][^\d:<>@/|]{1,60}\s*")
_SENT_FROM = re.compile(
    r"\s*(?:get outlook for|sent from|von meinem|gesendet (?:von|mit)|verzonden (?:vanaf|met|van)|envoyé (?:de|depuis)"
    r"|enviado desde|inviato da|wysłano z|skickat från|sendt fra|отправлено с)\b.{0,80}",
    re.IGNORECASE,
)
"""What a telephone writes below a mail; what is below that is quoted."""
_COLON = re.compile(r"[:\uff1a\ufe55\u2236][\s*_]*\Z")
_WROTE = re.compile(
    r"\b(?:wrote|writes|said|schreef|schreven|geschreven|schrieb|schreibt|a écrit|écrivait|écrit|escribió|escribe"
    r"|you wrote|your (?:e-?mail|message|request|report|text)|uw (?:e-?mail|bericht|melding)|je (?:bericht|melding)"
    r"|ihre (?:e-?mail|nachricht|anfrage|meldung)|votre (?:message|courriel)|su mensaje"
    r"|ha scritto|scrive|escreveu|escrito|skrev|skriver|napisał|napisała|napisał\(a\)|pisze|napsal|napsala|napísal"
    r"|kirjoitti|írta|yazdı|a scris|scris|написа|написал|написала|пишет|пише|έγραψε|viết|menulis)(?!\w)"
    r"|写道|寫道|写了|寫了|さんは|書きました|작성|כתב|كتب",
    re.IGNORECASE,
)
_WHO = re.compile(r"[^\s@<>]@[^\s@<>]")
_MONTHS = frozenset(
    "jan feb fév mar mär mrt maa apr avr abr kwi may mai maj mei mag jun jui giu cze jul lug lip aug aoû ago "  # noqa: SIM905 - words are read more easily
    "sie sep wrz set oct okt ott out paź nov lis dec dez déc dic gru "
    "янв фев мар апр мая июн июл авг сен окт ноя дек".split()
)
_WHEN = re.compile(
    r"(?<!\d)\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d)|(?<!\d)\d{1,2}[:.h\uff1a]\d{2}(?!\d)|\d\s?[年月日년월일]",
    re.IGNORECASE,
)
_DAY_OF_MONTH = re.compile(
    r"\b\d{1,2}(?:\.|st|nd|rd|th|er)?\s(?:(?:of|de)\s)?([^\W\d_]{3})|\b([^\W\d_]{3})[^\W\d_]{0,8}\.?\s\d{1,2}\b",
    re.IGNORECASE,
)
_YEAR, _DAY = re.compile(r"(?<!\w)\d{4}(?!\w)"), re.compile(r"(?<!\w)\d{1,2}(?!\w)")
_SHORTEST_ATTRIBUTION, _LONGEST_ATTRIBUTION = 3, 400
_SHORTEST_WRAPPED = 50  # characters: a shorter line was not wrapped by a program
_HEAD_BEGINS = re.compile(
    r"\s*[*_]{0,2}(?:From|Van|Von|De|De la|Da|Od|Fra|Absender|Afzender|Expéditeur|Mittente|Remitente|Remetente"
    r"|Nadawca|Odesílatel|Avsändare|Afsender|Avsender|Küldő|Expeditor|Pošiljatelj|Saatja|Nuo|Siuntėjas|Sūtītājs"
    r"|Отправитель|Αποστολέας|Från|Lähettäjä|Feladó|Kimden|Gönderen|Šalje|От|От кого|Від|Από|Từ"
    r"|差出人|送信者|发件人|發件人|寄件者|寄件人|보낸\s?사람|발신자?|من|מאת|จาก)[*_]{0,2}\s?[:\uff1a][*_]{0,2}\s*\S",
    re.IGNORECASE,
)
"""Who wrote the mail, in the words of mail programs."""
_HEAD_GOES_ON = re.compile(
    r"\s*[*_]{0,2}(?:To|Aan|An|\u00c0|Para|A|Do|Komu|Til|Till|C\u00edmzett|Kime|C\u0103tre|Prima|Vastaanottaja|\u041a\u043e\u043c\u0443|\u03a0\u03c1\u03bf\u03c2|Sent|Verzonden|Gesendet"
    r"|Envoy\u00e9|Enviado|Inviato|Wys\u0142ano|Odesl\u00e1no|Sendt|Skickat|Date|Datum|Dato|Data|Fecha|Cc|Subject|Onderwerp|Betreff|Objet|Asunto"
    r"|Oggetto|Assunto|Temat|P\u0159edm\u011bt|Emne|\u00c4mne|T\u00e1rgy|Konu|\u0422\u0435\u043c\u0430|\u0414\u0430\u0442\u0430|\u5b9b\u5148|\u6536\u4ef6\u4eba|\u4e3b\u9898|\u4ef6\u540d)[*_]{0,2}\s?[:\uff1a]",
    re.IGNORECASE,
)
"""To whom, when or about what: the next line of a head or of a memo."""
_LABEL = re.compile(r"\s*[*_]{0,2}[^\W\d_][^:\uff1a<>@/]{0,24}[*_]{0,2}\s?[:\uff1a](?!//)")
"""A line `Label: value`, in any language."""
_CONTACT = re.compile(
    r"\s*[*_]{0,2}(?:e-?mail|contact|phone|tel|fax|web|url|report|address|reference|ticket)", re.IGNORECASE
)
"""Labels of a signature or of a report, which begin no mail."""
_RULE, _TITLE = (
    re.compile(r"\s*_{8,}\s*"),
    re.compile(r"\s*[*_]{0,2}[-=]{3,}\s*[^\W\d_][^<>@]{0,60}[-=]{3,}[*_]{0,2}\s*"),
)
_SIGNED_COMMENT = re.compile(
    r"\s*[^,\n]{2,60}, [^\W\d_]{3,10}\.? \d{1,2}, \d{4},? (?:at )?"
    r"\d{1,2}:\d{2}(?::\d{2})?(?: ?[AP]M)?(?: [A-Z]{2,5})?\s*"
    r"|.{0,80}\((?:additional|work) (?:comments|notes)\)\s*",
    re.IGNORECASE,
)
"""Who wrote a comment, and when, as help desks write it above it."""
_HEAD_LINES, _FEWEST_LABELS = 8, 3
_ORIGINAL = re.compile(
    r"\b(?:message|mail|e-mail|request|text|bericht|melding|nachricht|anfrage|mensaje|messaggio|courriel)\b.{0,80}"
    r"\b(?:attached|enclosed|bijgevoegd|bijlage|beigefügt|angehängt|anhang|joint|adjunt\w*|allegat\w*)\b",
    re.IGNORECASE | re.DOTALL,
)
"""Says that a mail is attached, as a text perhaps."""
_ORIGINAL_NAME = re.compile(
    r"original|origineel|message|bericht|nachricht|mensaje|e?-?mail|quoted|reply|received|forward|ticket|att\d",
    re.IGNORECASE,
)
_TABLE = re.compile(r"<table\b.*?(?:</table>|\Z)", re.IGNORECASE | re.DOTALL)


_OF_A_MAIL = "a report about another mail: it may repeat what somebody else wrote"
_AUTOMATIC_REPLY = "an automatic reply: it may repeat what somebody else wrote"
_ACKNOWLEDGEMENT = "an acknowledgement of another mail: it may repeat what somebody else wrote"


def why_bounced(envelope_sender: str, mail: Mail) -> str:
    """Reason why a mail from nobody may be a bounce (RFC 5321, 4.5.5); empty for all other mail.

    A program's report that says so (`Auto-Submitted: auto-generated`) may come from nobody as well.
    """
    said = {str(value).lower().partition(";")[0].strip() for value in mail.message.get_all("Auto-Submitted", [])}
    return _OF_A_MAIL if envelope_sender == "<>" and "auto-generated" not in said else ""


def why_repeated(mail: Mail) -> str:
    """Reason why all of this mail may only repeat what others wrote; empty when it is original.

    Original: the sender's own.
    """
    message = mail.message
    said = {str(value).lower().partition(";")[0].strip() for value in message.get_all("Auto-Submitted", [])}
    precedence = mail.header("Precedence").lower()
    if (
        not said <= {"", "no", "auto-generated"}
        or precedence == "auto_reply"
        or any(message.get(name) is not None for name in _REPLY_HEADERS)
        or is_automatic(mail.subject)
    ):
        return _AUTOMATIC_REPLY
    kinds = {part.get_content_type() for part in message.walk()}
    report = str(message.get_param("report-type", "")).lower()
    if (why := why_bounced(mail.header("Return-Path"), mail)) or message.get(_UNDELIVERED) is not None:
        return why or _OF_A_MAIL
    if report in _REPORTS or kinds & _ABOUT_OTHERS or _DAEMONS.match(mail.address("From")):
        return _OF_A_MAIL
    if why := _why_by_words(mail):
        return why
    if precedence == "list" or any(message.get(name) is not None for name in _LIST_HEADERS):
        return "a mail of a list: anybody may have written to it"
    return ""


def may_be_from_program(doubts: Collection[str]) -> bool:
    """Whether a mail read with these doubts may be a program's answer, whatever its headers say."""
    return not {_OF_A_MAIL, _AUTOMATIC_REPLY, _ACKNOWLEDGEMENT}.isdisjoint(doubts)


def _why_by_words(mail: Mail) -> str:
    begun = [text[:_RECEIPT_WITHIN] for text in _own_texts(mail)]
    if any(map(acknowledges, begun)):
        return _ACKNOWLEDGEMENT
    return ""


def _own_texts(mail: Mail) -> list[str]:
    """The texts of a mail as a reader sees them, on one line each."""
    texts = [part for part in mail.parts if part.kind.startswith("text/") and part.kind != "text/csv"]
    begun = [(part.kind, part.text[:_READ_FOR_RECEIPTS]) for part in texts]
    return [" ".join((text_of_html(text).text if kind == "text/html" else text).split()) for kind, text in begun]


def without_quotes(mail: Mail) -> Mail:
    """Mail with its quoted text moved from its parts to what is enclosed."""
    passes_on = any(map(_ORIGINAL.search, _own_texts(mail)))
    led = next((number for number, part in enumerate(mail.parts) if _leads_on(part)), len(mail.parts))
    halves = [
        (part, _Halves("", part.text) if number > led or _is_passed_on(part, passes_on=passes_on) else _halves(part))
        for number, part in enumerate(mail.parts)
    ]
    quoting = {part.group for part, found in halves if part.group and found.quoted}
    own: list[Part] = []
    enclosed = list(mail.enclosed)
    for part, halves_of_it in halves:
        silent = not halves_of_it.quoted and part.group in quoting
        found = _Halves("", part.text) if silent else halves_of_it  # its other form quotes, so this one does
        if not found.quoted:
            own.append(part)
            continue
        own.append(_halved(part, found.own, plain=found.plain))
        enclosed.append(replace(_halved(part, found.quoted), group=0))
    return replace(mail, parts=tuple(own), enclosed=tuple(enclosed))


def _is_passed_on(part: Part, *, passes_on: bool) -> bool:
    """Whether a text that is attached is a mail of somebody else.

    By its name, or because the mail says so.
    """
    attached = part.kind in {"text/plain", "text/html"} and part.name and not part.name.lower().endswith(".csv")
    return bool(attached and (passes_on or _ORIGINAL_NAME.search(part.name)))


@dataclass(frozen=True, slots=True)
class _Halves:
    """Own and quoted parts of a text."""

    own: str
    quoted: str = ""
    plain: bool = False
    """It was HTML, and what is left of it is text."""


def _halved(part: Part, text: str, *, plain: bool = False) -> Part:
    content = text.encode("utf-8", "surrogatepass")
    return replace(part, content=content, charset="utf-8", kind="text/plain" if plain else part.kind)


def _halves(part: Part) -> _Halves:
    if part.kind == "text/html":
        return _halves_of_html(part.text)
    if part.kind == "text/rfc822-headers":
        return _Halves("", part.text)
    if part.kind.startswith("text/") and not part.name.lower().endswith(".csv") and part.kind != "text/csv":
        text = replace(part, flowed=False).text
        return _halves_of_html(text) if "<blockquote" in text.lower() else _halves_of_text(text)
    return _Halves("")


def _halves_of_text(text: str) -> _Halves:
    lines = text.splitlines()
    marks = _marks(lines)
    if not any(marks):
        return _Halves(text)
    if _cut_through("\n".join(lines), marks):
        return _Halves("", text)
    own = "\n".join("" if mark else line for line, mark in zip(lines, marks, strict=True))
    quoted = "\n".join(_unquoted(line) for line, mark in zip(lines, marks, strict=True) if mark)
    return _Halves(own, quoted or " ")


def _halves_of_html(markup: str) -> _Halves:
    """Own text and quoted text of an HTML part.

    The own text lacks blocks that quote and what follows a mail program's own mark; where the text that is left
    quotes as plain text does, only that text is its own.
    """
    own: list[str] = []
    quoted: list[str] = []
    end = depth = 0
    balanced = _is_balanced(markup)
    for tag in _TAG.finditer(markup):
        (quoted if depth else own).append(markup[end : tag.start()])
        end = tag.start()
        quotes = tag[2].lower() in _QUOTING
        if not depth and ((_REST.search(tag[3]) and tag[2].lower() not in _CELLS) or (quotes and not balanced)):
            depth = 1
            break
        if quotes:
            depth += -1 if tag[1] else 1
    (quoted if depth else own).append(markup[end:])
    found = _Halves("".join(own), "".join(quoted))
    shown = text_of_html(found.own)
    if not any(_marks(shown.text.splitlines())):
        return found
    if shown.misleading:
        return _Halves("", markup)
    text = _halves_of_text(shown.text)
    return _Halves(text.own, f"{found.quoted}\n<pre>{text.quoted}</pre>", plain=True)


def _is_balanced(markup: str) -> bool:
    """Whether each quoting block ends exactly once.

    Otherwise the quoted person may have ended it, and all that follows counts as quoted.
    """
    depth = 0
    for tag in _TAG.finditer(markup):
        if tag[2].lower() in _QUOTING:
            depth += -1 if tag[1] else 1
            if depth < 0:
                return False
    return not depth


def _marks(lines: list[str]) -> list[bool]:
    """Flag for each line: quoted, or leading to what is quoted.

    What stands directly below a quoted line is quoted, too: its end, wrapped by a mail program.
    """
    marks = [_QUOTED_LINE.match(line) is not None for line in lines]
    for number, line in enumerate(lines):
        if len(line) <= _LONGEST_ATTRIBUTION and _FRAME.fullmatch(line):
            return marks[:number] + [True] * (len(lines) - number)
        if marks[number]:
            continue
        if _begins_rest(lines, number) or _begins_head(lines, number):
            return marks[:number] + [True] * (len(lines) - number)
        if number and marks[number - 1] and line.strip():
            marks[number] = True
            continue
        if length := _attribution(lines, number):
            behind = next((n for n in range(number + length, len(lines)) if lines[n].strip()), len(lines))
            if behind < len(lines) and not marks[behind]:
                return marks[:number] + [True] * (len(lines) - number)
            marks[number : number + length] = [True] * length
    for number, line in enumerate(lines[:-1]):
        if marks[number + 1] and not marks[number] and _GOES_ON_BELOW.search(line):
            marks[number] = True
    return marks


def _begins_rest(lines: list[str], number: int) -> bool:
    """Whether all that follows was written before, by a title, a mark or the way of a help desk."""
    line = lines[number]
    if len(line) > _LONGEST_ATTRIBUTION:
        return _SEPARATOR.fullmatch(line) is not None
    if any(form.fullmatch(line) for form in (_SEPARATOR, _SIGNED_COMMENT, _BLOCK, _SHORT_WROTE)):
        return True
    above = lines[number - 1][:_LONGEST_ATTRIBUTION] if number else ""
    if _ONLY_WHEN.fullmatch(line) and _says_when(line) and _ONLY_NAME.fullmatch(above):
        return True
    return _RULE.fullmatch(line) is not None and _SENT_FROM.fullmatch(above) is not None


def _leads_on(part: Part) -> bool:
    """Whether a text ends by saying that what follows is somebody else's."""
    if part.kind not in {"text/plain", "text/html"}:
        return False
    text = text_of_html(part.text).text if part.kind == "text/html" else part.text
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return False
    return _SEPARATOR.fullmatch(lines[-1]) is not None or any(
        _attribution(lines, len(lines) - length) == length for length in (1, 2, 3) if length <= len(lines)
    )


def _attribution(lines: list[str], number: int) -> int:
    """Number of lines of an attribution ("... wrote:") at that line; 0 where there is none.

    In any language: it ends with a colon, and says that somebody wrote, who, or when.
    """
    for length in (1, 2, 3):
        piece = lines[number : number + length]
        if len(piece) < length or not all(map(str.strip, piece)):
            return 0
        if _is_attribution(" ".join(piece), wrapped=all(len(line) >= _SHORTEST_WRAPPED for line in piece[:-1])):
            return length
    return 0


def _is_attribution(text: str, *, wrapped: bool) -> bool:
    if not _SHORTEST_ATTRIBUTION <= len(text) <= _LONGEST_ATTRIBUTION:
        return False
    if not _COLON.search(text[-20:]):
        wrote = _WROTE.search(text, len(text) - 20)
        return (
            wrote is not None and not text[wrote.end() :].strip(" .") and (bool(_WHO.search(text)) or _says_when(text))
        )
    return _WROTE.search(text) is not None or (wrapped and (_WHO.search(text) is not None or _says_when(text)))


def _says_when(text: str) -> bool:
    if _WHEN.search(text) or (_YEAR.search(text) and _DAY.search(text)):
        return True
    return any((found[1] or found[2]).lower() in _MONTHS for found in _DAY_OF_MONTH.finditer(text))


def _begins_head(lines: list[str], number: int) -> bool:
    """Whether the headers of another mail start here.

    Mail programs write them above a mail that is answered.

    Who, by a label of mail programs or by an address, and at least two more lines with labels, in any language; one is
    enough below a ruled line, and none is needed below a title between dashes.
    """
    line = lines[number]
    who = _HEAD_BEGINS.match(line) is not None
    if not who and not (_LABEL.match(line) and _WHO.search(line) and not _CONTACT.match(line)):
        return False
    following = [line for line in lines[number + 1 : number + 1 + _HEAD_LINES] if line.strip()]
    if who:  # a long name goes on in a line of its own
        following = [line for line in following[:_FEWEST_LABELS] if _LABEL.match(line)]
    labels = 1 + sum(1 for _ in itertools.takewhile(_LABEL.match, following))
    if who and following and _HEAD_GOES_ON.match(following[0]):
        return True
    above = next((line for line in reversed(lines[max(0, number - 2) : number]) if line.strip()), "")
    ruled = _RULE.fullmatch(above) and who
    return _TITLE.fullmatch(above) is not None or labels >= (_FEWEST_LABELS - 1 if ruled else _FEWEST_LABELS)


def _cut_through(text: str, marks: list[bool]) -> bool:
    """Whether the hotline's table, which is markup in a text, would lose some of its lines."""
    for table in _TABLE.finditer(text):
        first, last = text.count("\n", 0, table.start()), text.count("\n", 0, table.end())
        if len(set(marks[first : last + 1])) > 1:
            return True
    return False


def _unquoted(line: str) -> str:
    return _QUOTES.sub("", line, count=1)
