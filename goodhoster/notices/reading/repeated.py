"""Repeated text in a mail: automatic replies, bounces, list mails, quotations.

Its sender only repeats it. Automatic replies, bounces and mails of lists count as a whole; of other mails, the quoted
text.

A proven sender is believed for what it says, and that may hold what somebody else wrote to it: a hotline's automatic
reply with the forger's mail below it bears the hotline's signature. So quoted text is set beside the mail, as enclosed
mails are, and a person decides about it. In doubt something counts as quoted.

Automatic mails as such act: a hotline's reports are made by programs (`Auto-Submitted: auto-generated`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from goodhoster.notices.reading.html_text import text_of_html
from goodhoster.notices.reading.mail import Mail, Part

_AUTO_REPLY = re.compile(
    r"\s*(?:auto(?:matic|mated)?[ -]?(?:reply|response|antwort)|automatisch(?:es|e)? (?:antwoord|antwort)"
    r"|out of (?:the )?office|abwesen(?:d|heits)|afwezig|r[ée]ponse automatique"
    r"|respuesta autom[áa]tica|risposta automatica)",
    re.IGNORECASE,
)
_REPLY_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From", "X-Mail-Autoreply")
_LIST_HEADERS = ("List-Id", "List-Post", "List-Unsubscribe-Post", "Mailing-List", "X-Mailing-List")
_REPORTS = frozenset({"delivery-status", "disposition-notification"})
_DAEMONS = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z]{1,10})((?:\s[^<>]{0,4000})?)>", re.IGNORECASE)
_REST = re.compile(
    r"gmail_quote|gmail_attr|yahoo_quoted|protonmail_quote|moz-cite-prefix|moz-forward-container|tutanota_quote"
    r"|divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|stopSpelling|zwchr|mail-editor-reference-message"
    r"|replyforwardmessage"
    r"|border-top\s?:\s?solid\s#(?:E1E1E1|B5C4DF)",
    re.IGNORECASE,
)
"""In a tag: where a mail program begins the mail that is answered or passed on (Gmail, Yahoo, Outlook, Thunderbird,
Zimbra and so on). What follows is of that mail.
"""
_BLANK = r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]{0,40}"
_QUOTED_LINE = re.compile(
    _BLANK + r"(?:[^\W\d_]{0,12}>|&(?:gt|raquo|rsaquo|#62|#x3e);"
    r"|[|\xa6\xbb\u203a\u226b\u2502\u2503\u2506\u250a\u258c\u258e\u276f\u27e9\u27eb\u3009\u300b\ufe65\uff1e\uff5c\uffe8])",
    re.IGNORECASE,
)
"""Signs of a quotation: `>`, bars and brackets that mail programs of any language put before a line."""
_QUOTES = re.compile(rf"\A(?:{_QUOTED_LINE.pattern})+")
_SEPARATOR = re.compile(
    r"(?!.*\bPGP\b)\s*-{2,}\s*[^-]{0,60}(?:message|bericht|nachricht|mail|mensaje|messaggio|mensagem|origin|forward"
    r"|doorgestuurd|weitergeleitet|transf[ée]r)[^-]{0,60}-{2,}\s*"
    r"|\s*(?:begin forwarded message|anfang der weitergeleiteten|begin doorgestuurd bericht|d[ée]but du message"
    r"|inicio del mensaje reenviado|inizio (?:del )?messaggio inoltrato)\b.{0,60}",
    re.IGNORECASE,
)
_COLON = re.compile(r"[:\uff1a\ufe55\u2236][\s*_]*\Z")
_WROTE = re.compile(
    r"\b(?:wrote|writes|said|schreef|schreven|geschreven|schrieb|schreibt|a écrit|écrivait|écrit|escribió|escribe"
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
_HEAD_BEGINS = re.compile(r"\s*\*{0,2}(?:From|Van|Von|De|Da|Od|Fra|Från|От)\*{0,2}\s?:\*{0,2}\s+\S", re.IGNORECASE)
_HEAD_DATE = re.compile(
    r"\s*\*{0,2}(?:Sent|Date|Verzonden|Datum|Gesendet|Envoyé|Enviado|Inviato|Wysłano|Data|Fecha|Дата)\*{0,2}\s?:",
    re.IGNORECASE,
)
_HEAD_SUBJECT = re.compile(
    r"\s*\*{0,2}(?:Subject|Onderwerp|Betreff|Objet|Asunto|Oggetto|Assunto|Temat|Тема|Emne)\*{0,2}\s?:", re.IGNORECASE
)
_HEAD_LINES = 8
_TABLE = re.compile(r"<table\b.*?(?:</table>|\Z)", re.IGNORECASE | re.DOTALL)


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
        or _AUTO_REPLY.match(mail.header("Subject"))
    ):
        return "an automatic reply: it may repeat what somebody else wrote"
    kinds = {part.get_content_type() for part in message.walk()}
    report = str(message.get_param("report-type", "")).lower()
    if report in _REPORTS or "message/delivery-status" in kinds or _DAEMONS.match(mail.address("From")):
        return "a report about another mail: it may repeat what somebody else wrote"
    if precedence == "list" or any(message.get(name) is not None for name in _LIST_HEADERS):
        return "a mail of a list: anybody may have written to it"
    return ""


def without_quotes(mail: Mail) -> Mail:
    """Mail with its quoted text moved from its parts to what is enclosed."""
    halves = [(part, _halves(part)) for part in mail.parts]
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
        quotes = tag[2].lower() == "blockquote"
        if not depth and (_REST.search(tag[3]) or (quotes and not balanced)):
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
        if tag[2].lower() == "blockquote":
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
        if marks[number]:
            continue
        if _SEPARATOR.fullmatch(line) or _begins_head(lines, number):
            return marks[:number] + [True] * (len(lines) - number)
        if number and marks[number - 1] and line.strip():
            marks[number] = True
            continue
        if length := _attribution(lines, number):
            behind = next((n for n in range(number + length, len(lines)) if lines[n].strip()), len(lines))
            if behind < len(lines) and not marks[behind]:
                return marks[:number] + [True] * (len(lines) - number)
            marks[number : number + length] = [True] * length
    return marks


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
    if not _SHORTEST_ATTRIBUTION <= len(text) <= _LONGEST_ATTRIBUTION or not _COLON.search(text[-20:]):
        return False
    return _WROTE.search(text) is not None or (wrapped and (_WHO.search(text) is not None or _says_when(text)))


def _says_when(text: str) -> bool:
    if _WHEN.search(text) or (_YEAR.search(text) and _DAY.search(text)):
        return True
    return any((found[1] or found[2]).lower() in _MONTHS for found in _DAY_OF_MONTH.finditer(text))


def _begins_head(lines: list[str], number: int) -> bool:
    """Whether the headers of another mail start here, as Outlook writes them.

    Who, then when, and a subject soon.
    """
    if not _HEAD_BEGINS.match(lines[number]):
        return False
    following = [line for line in lines[number + 1 : number + 1 + _HEAD_LINES] if line.strip()]
    return (
        bool(following)
        and any(map(_HEAD_DATE.match, following[:2]))
        and any(map(_HEAD_SUBJECT.match, following[:_HEAD_LINES]))
    )


def _cut_through(text: str, marks: list[bool]) -> bool:
    """Whether the hotline's table, which is markup in a text, would lose some of its lines."""
    for table in _TABLE.finditer(text):
        first, last = text.count("\n", 0, table.start()), text.count("\n", 0, table.end())
        if len(set(marks[first : last + 1])) > 1:
            return True
    return False


def _unquoted(line: str) -> str:
    return _QUOTES.sub("", line, count=1)
