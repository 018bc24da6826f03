"""Our own web form and JSON API for notices of the public (DSA Art. 16).

DSA is Reg. (EU) 2022/2065. Asked for (16(2)): the reasons, the exact URLs, and a statement of good faith. Name and
e-mail are optional for this kind of content (16(2)(c)). What is missing is a doubt, not a refusal: a person still
looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice, Reporter
from goodhoster.notices.reading.formats.free_text import MOST_URLS
from goodhoster.notices.reading.formats.json_text import table_of, text_in
from goodhoster.notices.reading.formats.scart_api import form_of, urls_of
from goodhoster.notices.reading.language import Language, language_of
from goodhoster.notices.reading.url_finder import items_in

_LONGEST_REASON = 10_000  # characters
_LANGUAGES: dict[str, Language] = {"nl": "nl", "en": "en"}
_AGREED = frozenset({"true", "on", "yes", "ja", "1"})


def read_form(body: bytes) -> ReadNotice:
    """Read the web form's fields: `urls`, `reason`, `good_faith`, `name`, `email`, `language`.

    `urls` has one URL a line.
    """
    fields = form_of(body)
    return _notice(fields, _written_items(fields.get("urls", "")))


def read_json(body: bytes) -> ReadNotice:
    """Read the web form's fields from a JSON object.

    `urls` is a list, `good_faith` is true or false, and so is `test`.
    """
    fields = table_of(body)
    urls = fields.get("urls")
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise UnreadableError("urls: a list of texts is needed")
    trial = fields.get("test") is True
    notice = _notice(fields, [ReadItem((url.strip(),)) for url in dict.fromkeys(urls) if url.strip()])
    return replace(notice, items=(), trial=True) if trial else notice


def _written_items(text: str) -> list[ReadItem]:
    """Items of the URL field as people fill it in.

    A line is one URL, or several with commas and words between them.
    """
    items: list[ReadItem] = []
    for line in urls_of(text):
        found = items_in(line)
        whole = len(found) == 1 and found[0].urls[0] == line
        items += found if found and not whole else [ReadItem((line,))]
    return list({item.urls: item for item in items}.values())


def _notice(fields: dict[str, Any], items: Sequence[ReadItem]) -> ReadNotice:
    if not items or len(items) > MOST_URLS:
        raise UnreadableError(f"urls: from 1 to {MOST_URLS} are taken")
    reason = text_in(fields, "reason")[:_LONGEST_REASON]
    doubts = [] if reason else ["reason: why this is illegal is not said"]
    if str(fields.get("good_faith")).lower() not in _AGREED:
        doubts.append("good_faith: the statement of good faith is missing")
    return ReadNotice(
        NoticeFormat.DSA,
        tuple(replace(item, note=reason) for item in items),
        reporter=Reporter(text_in(fields, "name")[:200], text_in(fields, "email")[:254]),
        language=_LANGUAGES.get(text_in(fields, "language")) or language_of(reason),
        doubts=tuple(doubts),
    )
