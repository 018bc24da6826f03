"""Any text with URLs in it, as the public and hotlines without a public format write: a person confirms the reading."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import replace

from goodhoster.errors import UnclearUrlError, UnreadableError
from goodhoster.locating.urls import read_url
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.language import language_of
from goodhoster.notices.reading.mail import Mail
from goodhoster.notices.sender.domains import same_organisation

MOST_URLS = 10_000
_URL = re.compile(r"(?:h[tx*]{2}ps?\s?(?:\[?\(?:\]?\)?|\[:)//\]?|\bwww(?:\.|\[\.\]))[^\s<>\"'`]{1,8192}", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\[([A-Z0-9][A-Z0-9._#/-]{2,40})\]|\b(?:ref(?:erence)?|kenmerk|case)\s?[:#]\s?([\w./-]{3,40})", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]{0,10000}>")
_HREF = re.compile(r"<a\b.*?\bhref=[\"']?([^\"'>\s]{1,8192})", re.IGNORECASE | re.DOTALL)
_OPENERS = {")": "(", "]": "[", "}": "{"}
CONFIRM = "read from free text: a person confirms what is meant"


def read(mail: Mail) -> ReadNotice:
    """Every URL of the texts but links to the sender's own site; *unreadable* when there is none or too many."""
    texts = [*mail.texts("text/plain"), *map(_visible, mail.texts("text/html"))]
    own = mail.address("From").rpartition("@")[2]
    written = urls_in(texts)
    if len(written) > MOST_URLS:
        raise UnreadableError(f"more than {MOST_URLS} URLs")
    urls = [url for url in written if not _leads_to(url, own)]
    found = _REFERENCE.search(mail.header("Subject"))
    return replace(
        envelope(mail, NoticeFormat.URL_LIST if urls else NoticeFormat.UNREADABLE),
        items=tuple(ReadItem((url,)) for url in urls),
        reference=(found[1] or found[2]) if found else "",
        language=language_of(" ".join(texts)),
        doubts=(CONFIRM,) if urls else ("no URL was found in it",),
    )


def urls_in(texts: Iterable[str]) -> list[str]:
    """The URLs as written, each once, in order; what closes the sentence around one is cut off."""
    found = (_trimmed(match[0]) for text in texts for match in _URL.finditer(text))
    return list(dict.fromkeys(found))


def _trimmed(url: str) -> str:
    while url and (url[-1] in ".,;:!?*" or (url[-1] in _OPENERS and url.count(url[-1]) > url.count(_OPENERS[url[-1]]))):
        url = url[:-1]
    return url


def _visible(markup: str) -> str:
    """The text of an HTML part, with the targets of its links on lines of their own."""
    targets = (_HREF.match(tag) for tag in _TAG.findall(markup))
    links = "\n".join(html.unescape(target[1]) for target in targets if target)
    return html.unescape(_TAG.sub(" ", markup)) + "\n" + links


def _leads_to(url: str, domain: str) -> bool:
    try:
        return same_organisation(read_url(url)[0].host, domain)
    except UnclearUrlError:
        return False
