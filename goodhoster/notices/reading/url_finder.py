"""URLs in any text, however people write, quote, wrap and join them.

Where a text can be read in two ways, both are kept and the item says why a person must look. A piece of a URL is never
taken for the whole of it: what was cut off may be the name of the file, and the rest the directory above it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from goodhoster.errors import HiddenLinkError
from goodhoster.locating.urls import DOT_WORDS, LONGEST_URL
from goodhoster.model.notices import ReadItem
from goodhoster.notices.reading.list_entries import MENTIONED, standings
from goodhoster.notices.reading.lookalikes import has_odd_signs, mixes_scripts
from goodhoster.notices.reading.rewritten_links import original_of

_QUOTES = '"`\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300a-\u300f\u3008-\u300b\u3010\u3011\u301d-\u301f\uff02'
_CJK_MARKS = "\uff0c\u3001\uff1b\uff1a\uff01\uff1f\uff08\uff09\u300c-\u300f\uff5c"
_DOT = rf"(?:[ \t]{{0,2}}[\[({{]\s?(?:\.|{DOT_WORDS})\s?[\])}}][ \t]{{0,2}}|[ \t]?_\._[ \t]?|\[\.|\.\])"
_SCHEME = (
    r"(?:h[tx*0_+-]{2}ps?|[a-z][a-z0-9]{1,9})"
    r"(?:[ \t]?(?:\[:\]|\(:\)|\{:\}|\[:|:\]?)[ \t]?(?://|\\\\)\]?|[ \t]?[\[(]://[\])])[ \t]?"
)
_BODY = rf"(?:{_DOT}|[^\s<>{_QUOTES}|^{_CJK_MARKS}])"
_URL = re.compile(rf"(?<![a-z0-9]){_SCHEME}{_BODY}{{1,8192}}+", re.IGNORECASE)
_IN_BRACKETS = re.compile(rf"<\s{{0,9}}(?:URL:)?\s{{0,9}}({_SCHEME}[^<>]{{1,8192}}+)>", re.IGNORECASE)
_LABEL = r"[^\W_](?:[\w-]{0,62})"
_BARE = re.compile(
    rf"(?<![\w@/.:=%&?#\\-])(?P<host>{_LABEL}(?:(?:{_DOT}|\.){_LABEL}){{1,10}}+)(?P<rest>(?::\d{{1,5}})?/{_BODY}{{0,8192}}+)?",
    re.IGNORECASE,
)
_ANOTHER = re.compile(r"h[tx*0]{2}ps?\s?\[?:\]?\s?//", re.IGNORECASE)
_ENDS_IN_NAME = re.compile(r"\.[a-z0-9]{2,5}$", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:gt|lt|quot|apos|#0?39|nbsp);", re.IGNORECASE)
_VALUE_BEHIND = re.compile(
    r"[,;]\s{0,2}(?=(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f:]{2,}|\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{4})"
    r"(?![\w/])|AS\d{3,}\b|h[tx*0]{2}ps?\s?\[?:)",
    re.IGNORECASE,
)
_COUNTRY_BEHIND = re.compile(r"[,;](?:[A-Z]{2}$|[,;])")
_ADDRESS_BEHIND = re.compile(r"[,;|\s]{1,4}((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]{3,39})(?![\w./])", re.IGNORECASE)
_OPENERS = {")": "(", "]": "[", "}": "{"}
_CLOSERS = {opener: closer for closer, opener in _OPENERS.items()} | {
    "'": "'",
    "\u2018": "\u2019",
    "\u201a": "\u2018",
    "=": "]",  # [url=…]
}
_GOES_ON = re.compile(
    r"[ \t]{1,3}[^\s<>,;:\"|]{1,60}(?:[ \t][^\s<>,;:\"|]{1,60}){0,4}?\.[a-z0-9]{2,5}(?![\w/.])", re.IGNORECASE
)
_PATH_GOES_ON = re.compile(
    rf"[ \t]{{1,3}}(?=[/\\]|\S{{1,200}}?/|\S{{0,60}}{_DOT})(?!\S{{0,30}}//)[^\n]{{1,200}}", re.IGNORECASE
)
_NEXT_LINE = re.compile(r"[ \t]*\r?\n[ \t>]{0,200}([^\s<>\"|]{1,2000})([^\n]{0,2000})")
_LIST_MARK = re.compile(r"\(?(?:\d{1,4}|[a-z])[.):\]]{1,2}|[*+\u2022\u2013\u2014-]{1,2}", re.IGNORECASE)
_PART_OF_URL = re.compile(r"[./=%?&\d_-]")
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NO_SITES = frozenset(
    "html htm php asp jpg jpeg png gif webp pdf txt csv xml json js "  # noqa: SIM905 - words are read more easily
    "css doc docx xls xlsx eml log".split()
)
_SHORTEST_TOP = 2
_PASSED_ON = re.compile(
    r"^[ \t]*(?:-{2,}[ \t]?(?:original message|forwarded message|oorspronkelijk bericht|doorgestuurd bericht"
    r"|urspr\u00fcngliche nachricht|weitergeleitete nachricht|message d'origine)\b|begin forwarded message)",
    re.IGNORECASE | re.MULTILINE,
)
_DOT_WORD = re.compile(_DOT, re.IGNORECASE)
_SHORTENED = re.compile(r"\u2026|\.\.")
_LEFT_OUT = re.compile(r"\u2026|\.{3}|redacted", re.IGNORECASE)
_OMISSION = re.compile(
    r"[ \t]{0,2}(?:[\[(<{]\s?(?:truncated|cut|snip|removed|redacted|gek\u00fcrzt|ingekort|afgekort|more"
    r"|shortened|\u2026|\.\.)"
    r"|\+\d+\b|(?:etc|usw|enz)\b|(?:\s?[.\u3002]){3})",
    re.IGNORECASE,
)
"""What stands for the rest of an address."""
_ENDS_THERE = re.compile(
    r"(?:[)\]}>\"'`*_\u00bb\u203a\u201c\u201d\u2019\u2018\u300d\u300f\u3011.,;:!?-]|\](?=\()){0,4}"
    r"(?:\Z|[ \t\r\n|]|\\[rn]|\]\(|&(?:gt|lt|quot|apos|#0?39|nbsp);|[<(]|\[/|h[tx*0]{2}ps?\b)"
)
"""The end of an address: closing signs, and then a blank, a line end, a column or markup."""
_SIGNS_THEN_KIND = re.compile(r"<[^<>\s]{1,20}>\.[a-z0-9]{2,5}\b|>{2,}", re.IGNORECASE)
"""Brackets with the rest of a name behind them, or signs for what goes on."""
_CLOSING_TAG = re.compile(r"\[?</?[a-z][a-z0-9]{0,10}\s*/?>", re.IGNORECASE)
_NAME_WITHIN = 300  # characters behind an address
FILE_KINDS = (
    r"(?:jpe?g|jpe|jfif|png|gif|webp|bmp|tiff?|hei[cf]|avif|jxl|mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|flv|3gp|ts|ogv"
    r"|zip|rar|7z|tar|tgz)"
)
"""Ends of names of pictures, films and archives, as a pattern."""
_NAME_BELOW = re.compile(
    rf"[^\n]{{0,120}}?[\w)\]-]\.{FILE_KINDS}\b"
    rf"|\s{{0,8}}\n\s{{0,8}}(?:[*+-]\s{{1,3}})?[\w%~.()\[\]-]{{1,120}}\.{FILE_KINDS}\s{{0,8}}(?:\n|\Z)"
    r"|\s{0,8}\n\s{0,8}(?:file|datei|bestand|name|picture|image|bild|afbeelding)[\w ]{0,20}:\s[^\n]{1,120}\.\w{2,5}\b",
    re.IGNORECASE,
)
"""A file's name on the same line, or named as one on the next."""
_CUT_OFF = re.compile(
    r"[\"'<\[({|^*\u201c-\u201f\u2018\u2019]{1,3}[/\\](?=[\w%])(?!(?<=\[/)[a-z*]{1,12}\])(?!(?<=</)[a-z][a-z0-9]{0,10}\s*>)",
    re.IGNORECASE,
)
"""A sign that ends an address, with a path behind it and no blank between: no markup, but a part of the address."""
_BRACKET_BEFORE_PATH = re.compile(r"\[/(?!\])")
_END_TAG = re.compile(r"\[/[a-z*]{1,12}\]", re.IGNORECASE)
_NO_HOST = re.compile(r"[^\w.:%\[\]-]|^h[tx*]{2}ps?[_-]|^\.|\.\.|^[^.:%\[]*(?::\d*)?$", re.IGNORECASE)
"""A sign that no host has, a dot too many, or none."""
_NAME_IN_QUERY = re.compile(rf"/\?[^?#]*\.{FILE_KINDS}\Z", re.IGNORECASE)
"""A file's name in the query of a directory: the directory's own page is hardly meant."""
_ENDS_SHORT = re.compile(r"(?:\u2026|\.{2,}|(?:\s\.){2,}|\[(?:\u2026|truncated|more|cut|snip)\])\s*\Z", re.IGNORECASE)
_FURTHER_NAME = re.compile(r"\.[a-z0-9]{3,4}[,;]\s?[\w%~-]{1,200}\.[a-z0-9]{3,4}\Z", re.IGNORECASE)
"""The name of a further file behind a first one."""
_LINE_WRAPS_FROM = 60  # characters: a shorter line was not wrapped by a program

GLUED = "two addresses without a space between them"
WRAPPED = "the line ends inside the address"
BLANK = "a blank may be part of the address"
SEPARATOR = "a comma, a semicolon or another sign may be part of the address"
INVISIBLE = "invisible characters stand in it"
QUOTED = "it stands in a text that the sender quotes or passes on"
HOST_ONLY = "only a host is named, no address on it"
SHORTENED = "dots or a word stand in it for what was left out"
WILDCARD = "an asterisk in it may stand for any name"
ODD_HOST = "its host is written as no host is"
LOOKALIKE = "characters in it only look like letters, slashes, colons or dots"


@dataclass(frozen=True, slots=True)
class _Span:
    """A URL and its position."""

    start: int
    end: int
    item: ReadItem


def items_in(text: str) -> list[ReadItem]:
    """Every URL of a text, each once, in order."""
    spans = list(_in_brackets(text))
    rest = _blanked(text, spans)
    schemed = [span for match in _URL.finditer(rest) for span in _cut(rest, match.start(), match.end())]
    rest = _blanked(rest, schemed)
    bare = [span for match in _BARE.finditer(rest) if _may_be_host(match) for span in _bare(rest, match)]
    found = sorted((*spans, *schemed, *bare), key=lambda span: span.start)
    begins = _PASSED_ON.search(text)
    own = begins.start() if begins else len(text)
    items = [_original(span.item if _is_said(text, span, own) else _with_doubt(span.item, QUOTED)) for span in found]
    doubts = standings(text, [(span.start, span.end) for span in found])
    placed = [_with_doubt(item, doubt) if doubt else item for item, doubt in zip(items, doubts, strict=True)]
    return _each_once(placed)


def _each_once(items: list[ReadItem]) -> list[ReadItem]:
    """Items without repetition: the first, but an entry of a list before what is mentioned."""
    chosen: dict[tuple[str, ...], ReadItem] = {}
    for item in items:
        if item.urls not in chosen or (MENTIONED in chosen[item.urls].doubts and MENTIONED not in item.doubts):
            chosen[item.urls] = item
    return list(chosen.values())


def _is_said(text: str, span: _Span, own: int) -> bool:
    """Whether the sender wrote the URL itself, rather than quoted or passed it on.

    A URL that the sender also wrote itself counts as written: the first counts.
    """
    line = text[text.rfind("\n", 0, span.start) + 1 : span.start + 1].lstrip(" \t<")
    return span.start < own and not line.startswith((">", "|>"))


def _with_doubt(item: ReadItem, doubt: str) -> ReadItem:
    return replace(item, doubts=(*item.doubts, doubt))


def _blanked(text: str, spans: list[_Span]) -> str:
    """Text with placeholder characters where something was read already.

    They end no word and begin none.
    """
    pieces, end = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        pieces += [text[end : span.start], "|" * (span.end - max(end, span.start))]
        end = max(end, span.end)
    return "".join((*pieces, text[end:]))


def _in_brackets(text: str) -> Iterator[_Span]:
    """URL inside `<…>`, where blanks belong to the line wrap or the name (RFC 3986, appendix C).

    The brackets say where the URL ends.
    """
    for match in _IN_BRACKETS.finditer(text):
        written = match[1].rstrip()
        if len(_ANOTHER.findall(written)) > 1 and re.search(r"\s", written):
            continue
        url = re.sub(r"[ \t]*\r?\n\s*", "", written)
        yield _Span(match.start(), match.end(), _marked(ReadItem((url,))))


def _cut(text: str, start: int, end: int) -> Iterator[_Span]:
    """One or more URLs of a text without blanks."""
    begins, doubtful = start, False
    for another in _ANOTHER.finditer(text, start + 1, end):
        before = text[begins : another.start()]
        if before[-1:].isalnum() or before[-1:] in {",", ";"}:
            doubtful = doubtful or not (before[-1] in ",;" or _ENDS_IN_NAME.search(before))
            yield from _cut_one(text, begins, another.start(), glued=doubtful)
            begins = another.start()
    yield from _cut_one(text, begins, end, glued=doubtful)


def _cut_one(text: str, start: int, end: int, *, glued: bool = False) -> Iterator[_Span]:
    raw, before = text[start:end], text[start - 1 : start]
    closed = _closed(raw, before)
    url = trimmed(closed)
    short, doubt = _before_separator(url)
    readings = (url, short) if doubt else (short,)
    cut = _left_off(url, closed[len(url) :], before, text[start + len(closed) : start + len(closed) + _NAME_WITHIN])
    item = ReadItem(readings, doubts=tuple(dict.fromkeys(filter(None, (doubt, GLUED if glued else "", *cut)))))
    at = start + len(url if doubt else readings[0])
    if not doubt and at >= end - 1:
        item, at = _continued(text, item, start, at)
    if address := _ADDRESS_BEHIND.match(text, at):
        item = replace(item, ip=_address(address[1]))
    yield _Span(start, max(end, at), _marked(item))


def _left_off(url: str, signs: str, before: str, behind: str) -> Iterator[str]:
    """Doubts that follow from the signs left off at a URL's end, and from what is behind it."""
    address, _, fragment = url.partition("#")
    if "/" in fragment or _ENDS_IN_NAME.search(fragment) or _NAME_IN_QUERY.search(address):
        yield SEPARATOR
    if not _names_file(address):
        yield from _more_behind(signs + behind)
    if _SHORTENED.search(signs):
        yield SHORTENED
    if "*" in signs and before != "*":
        yield WILDCARD
    if _CUT_OFF.match(signs + behind):
        yield SEPARATOR


def _names_file(url: str) -> bool:
    """Whether an address ends in the name of a file with its kind."""
    path = re.split("//", url, maxsplit=1)[-1].partition("/")[2]
    return bool(path) and _ENDS_IN_NAME.search(path) is not None


def _more_behind(behind: str) -> Iterator[str]:
    """Doubts about an address without a file's name, which may stand behind it or be left out."""
    if _OMISSION.match(behind):
        yield SHORTENED
    closed = _CLOSING_TAG.match(behind)
    if (not _ENDS_THERE.match(behind) and not closed) or _SIGNS_THEN_KIND.match(behind):
        yield SEPARATOR
    if _NAME_BELOW.match(_ANOTHER.split(behind[:_NAME_WITHIN], maxsplit=1)[0]):
        yield BLANK


def _closed(raw: str, before: str) -> str:
    """URL up to the mark that closes the opening one before it.

    It also ends at markup, and at a full stop of Chinese or Japanese.
    """
    raw = re.split(rf"\]\(|{_END_TAG.pattern}|\\[rn]", raw, maxsplit=1, flags=re.IGNORECASE)[0]
    if found := _ENTITY.search(raw):
        raw = raw[: found.start()]
    if found := re.search("(?<=[^\u3002]{8})\u3002(?![\\w])", raw):
        raw = raw[: found.start()]
    closer = _CLOSERS.get(before, "")
    opener = _OPENERS.get(closer, "")
    depth = 0
    for place, character in enumerate(raw):
        depth += character == opener
        if character == closer:
            if depth == 0:
                return raw[:place]
            depth -= 1
    return raw.removesuffix("_") if before == "_" else raw


def trimmed(url: str) -> str:
    """URL without what closes the sentence around it."""
    while url and (
        url[-1] in ".,;:!?*'\u2019\u2018\u3002\u2026\\"
        or (url[-1] in _OPENERS and url.count(url[-1]) > url.count(_OPENERS[url[-1]]))
    ):
        url = url[:-1]
    return url


def _before_separator(url: str) -> tuple[str, str]:
    """Text before a separator, and why it is uncertain that it is one.

    The whole text where there is no separator.
    """
    if found := _VALUE_BEHIND.search(url):
        return trimmed(url[: found.start()]), ""
    if (found := _COUNTRY_BEHIND.search(url)) and "/" in url.partition("//")[2]:
        return url[: found.start()], SEPARATOR
    for found in re.finditer(r"[,;'\u2019](?=[\w/\\])|(?<=[!-~])(?=[^\W\d_a-zA-Z\u00aa-\u024f])", url):
        before = url[: found.start()]
        if _ENDS_IN_NAME.search(before) and "/" in before.partition("//")[2]:
            return before, SEPARATOR
    return url, ""


def _continued(text: str, item: ReadItem, start: int, end: int) -> tuple[ReadItem, int]:
    """URL that continues after a blank or on the next lines, and its end then."""
    url = item.urls[0]
    path = url.partition("//")[2].partition("/")[2]
    whole_name = bool(path) and bool(_ENDS_IN_NAME.search(url))
    if not whole_name and (more := _GOES_ON.match(text, end)) and not _ANOTHER.search(more[0]):
        alone = _alone_on_line(text, start, more.end())
        urls = (url + more[0],) if alone else (url + more[0], url)
        return replace(item, urls=urls, doubts=(*item.doubts, BLANK)), more.end()
    if (not path or url.endswith("/")) and (more := _PATH_GOES_ON.match(text, end)):
        return replace(item, urls=(_without_blanks(url + more[0]), url), doubts=(*item.doubts, BLANK)), end
    return _wrapped(text, item, end, whole_name=whole_name)


def _without_blanks(url: str) -> str:
    """Address without the blanks around its slashes and dots, up to the first blank elsewhere."""
    close = re.sub(r"[ \t]*(://|[/\\])[ \t]*", r"\1", url)
    close = re.sub(r"(?<=\S)[ \t]\.[ \t](?=\S)", ".", re.sub(_DOT, ".", close, flags=re.IGNORECASE))
    return trimmed(close.split(maxsplit=1)[0])


def _wrapped(text: str, item: ReadItem, end: int, *, whole_name: bool) -> tuple[ReadItem, int]:
    """URL that a line break cuts, joined with the lines that continue it."""
    url, joined = item.urls[0], False
    while line := _NEXT_LINE.match(text, end):
        piece, behind = line[1], line[2]
        begins_path = piece.startswith(("/", "\\")) and not whole_name and not url.endswith("/")
        if _ANOTHER.search(piece + behind) or _is_its_own_line(piece, behind) or _repeats_host(url, piece):
            break
        if whole_name and not url.endswith(("-", "=")):
            break
        if not behind.strip() and _is_rest_of_name(url, piece):
            return replace(item, urls=(url + trimmed(piece), url), doubts=(*item.doubts, WRAPPED)), line.end(1)
        long = end - text.rfind("\n", 0, end) > _LINE_WRAPS_FROM
        if not (url.endswith(("/", "-", "_", "=", "&", "?", "%")) or begins_path or long):
            break
        continues = bool(_PART_OF_URL.search(piece.rstrip(".,;:!?-")))
        if behind.strip() and (not continues or (long and not url.endswith(("/", "-", "_", "=", "&", "?", "%")))):
            break
        if not continues or _begins_with_host(piece):
            return replace(item, urls=(url,), doubts=(*item.doubts, WRAPPED)), end
        url, end, joined = url + trimmed(piece), line.end(1), True
        whole_name = bool(_ENDS_IN_NAME.search(url))
        if behind.strip():
            break
    if not joined:
        return item, end
    return replace(item, urls=(url,), doubts=(*item.doubts, WRAPPED)), end


def _is_rest_of_name(url: str, piece: str) -> bool:
    """Whether a line is the rest of a file's name of which the address has the beginning."""
    begun = re.search(r"[^\W_]$", url.partition("//")[2].partition("/")[2]) is not None
    return begun and re.fullmatch(r"[\w%~()\[\]-]{0,200}\.[a-z][a-z0-9]{1,4}[.,;]?", piece, re.IGNORECASE) is not None


def _is_its_own_line(piece: str, behind: str) -> bool:
    """Whether a line begins with a label or the mark of a list, so that it continues no address."""
    return bool(behind.strip()) and (piece.endswith(":") or _LIST_MARK.fullmatch(piece) is not None)


def _begins_with_host(piece: str) -> bool:
    """Whether a line may begin with an address of its own, without a scheme."""
    return (found := _BARE.match(piece)) is not None and bool(found["rest"]) and _may_be_host(found)


def _repeats_host(url: str, piece: str) -> bool:
    """Whether a line begins with the same host, and so an address of its own."""
    host = re.split(r"[/:?#]", url.partition("//")[2] or url, maxsplit=1)[0]
    return piece.lower().startswith((f"{host.lower()}/", f"www.{host.lower()}/"))


def _alone_on_line(text: str, start: int, end: int) -> bool:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    behind = text[end:].partition("\n")[0]
    return not behind.strip(" \t\r.,;)") and not re.sub(r"^[\s>*\u2022-]*(?:\w[\w ]{0,30}:)?\s*", "", line)


def _may_be_host(match: re.Match[str]) -> bool:
    """Whether a word may be a host name: made unclickable, with a path, or `www.`.

    Otherwise any two words with a full stop between them would be one.
    """
    host, rest = match["host"], match["rest"] or ""
    last = re.split(r"[.\s\])}]+", host)[-1].lower()
    numeric = bool(re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}", host))
    if numeric:
        return bool(re.fullmatch(r"(?::\d+)?/[^\s]*[a-z][^\s]*", rest, re.IGNORECASE))
    if len(last) < _SHORTEST_TOP or not (last.isalpha() or last.startswith("xn--")) or last in _NO_SITES:
        return False
    return bool(rest) or bool(re.search(_DOT, host, re.IGNORECASE)) or host.lower().startswith("www.")


def _bare(text: str, match: re.Match[str]) -> Iterator[_Span]:
    for span in _cut_one(text, match.start(), match.end()):
        named_only = not match["rest"]
        doubts = (*span.item.doubts, HOST_ONLY) if named_only else span.item.doubts
        yield replace(span, item=replace(span.item, doubts=doubts))


def _marked(item: ReadItem) -> ReadItem:
    """Item with the doubts that follow from its characters."""
    url = item.urls[0]
    rest = re.split("//", url, maxsplit=1)[-1]
    path, host = rest.partition("/")[2], _DOT_WORD.sub(".", re.split(r"[/\\?#]", rest, maxsplit=1)[0]).strip()
    found = {
        INVISIBLE: _INVISIBLE.search(path),
        SHORTENED: _LEFT_OUT.search(rest),
        WILDCARD: "*" in rest,
        SEPARATOR: _BRACKET_BEFORE_PATH.search(rest),
        ODD_HOST: _NO_HOST.search(_INVISIBLE.sub("", host).rpartition("@")[2])
        or re.search(r"^[^:@]+@", host)
        or mixes_scripts(host),
        LOOKALIKE: has_odd_signs(path),
    }
    doubts = tuple(dict.fromkeys((*item.doubts, *(doubt for doubt, why in found.items() if why))))
    urls = dict.fromkeys(_BRACKET_BEFORE_PATH.sub("/", url)[: LONGEST_URL + 1] for url in item.urls)
    return replace(item, urls=tuple(urls), doubts=doubts)


def doubts_about_piece(url: str) -> tuple[str, ...]:
    """Doubts whether an address of a table or a report is a whole one, and only one."""
    _, slashes, rest = url.strip().partition("//")
    address, _, fragment = (rest if slashes else url.strip()).partition("#")
    host = re.split(r"[/\\?]", address, maxsplit=1)[0]
    found = {
        SEPARATOR: "/" in fragment
        or _ENDS_IN_NAME.search(fragment)
        or _NAME_IN_QUERY.search(address)
        or _FURTHER_NAME.search(address),
        SHORTENED: _ENDS_SHORT.search(url),
        WILDCARD: url.strip().endswith("*") or "*" in host,
        ODD_HOST: _NO_HOST.search(_DOT_WORD.sub(".", host).rpartition("@")[2].strip()) or mixes_scripts(host),
        LOOKALIKE: has_odd_signs(address.partition("/")[2]),
        GLUED: re.search(r"[\s,;|]h[tx*0]{2}ps?://", url, re.IGNORECASE),
        INVISIBLE: re.search(r"[\x00-\x1f\x7f]", url.strip()),
    }
    return tuple(doubt for doubt, why in found.items() if why)


def _original(item: ReadItem) -> ReadItem:
    """Text before a mail gateway rewrote it."""
    try:
        return replace(item, urls=tuple(dict.fromkeys(map(original_of, item.urls))))
    except HiddenLinkError as error:
        return replace(item, doubts=(*item.doubts, str(error)))


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
