"""Texts that are encoded inside another text.

In percent signs, entities, escapes, base64, base32, hexadecimal or uuencode.
What only looks encoded decodes to nothing readable, and does no harm. The time is in proportion to the length.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

LONGEST_TEXT = 4 << 20  # characters of one text that are looked through
_DEEPEST = 3  # encodings in each other
_ROUNDS = 5  # of percent signs and entities in turn; percent signs within percent signs are one
_PERCENT_OF_PERCENT = re.compile("%(?:25)+", re.IGNORECASE)
_ESCAPE = re.compile(r"\\{1,4}(?:u([0-9a-f]{4})|u\{0{0,4}([0-9a-f]{1,4})\}|x([2-7][0-9a-f]))", re.IGNORECASE)
_ALPHABET = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(rf"(?<!{_ALPHABET}){_ALPHABET}{{16,}}+(?:\r?\n{_ALPHABET}{{4,}}+)*+")
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{16,}+(?![a-z0189])")
_HEX = re.compile(r"(?<![0-9a-f])(?:0x)?[0-9a-f]{2}(?:[ :,-]?(?:0x)?[0-9a-f]{2}){7,}+", re.IGNORECASE)
_NO_HEX = re.compile(r"0x|[^0-9a-f]", re.IGNORECASE)
_UUENCODED = re.compile(r"(?:^[!-M][ -`]{4,84}\r?(?:\n|\Z))+", re.MULTILINE)
_QUOTED_PRINTABLE = re.compile(r"(?<![^\s=])[^\s=]{0,253}+(?:=[2-7][0-9a-f][^\s=]{0,253}+)+", re.IGNORECASE)
_PRINTABLE = re.compile(r"[\t\r\n -~]{6,}")


def texts_within(text: str, depth: int = _DEEPEST, *, encoded: bool = False) -> Iterator[tuple[str, bool]]:
    """The text with its escapes undone, and the texts encoded in it, nested ones too.

    With each whether it was *encoded* in a way that nothing else looks like.
    """
    text = text[: LONGEST_TEXT + 1]
    shown = unescaped(text)
    yield shown, encoded
    if not depth:
        return
    for inner in (*_decoded(shown), *_from_uuencode(text)):
        yield from texts_within(inner, depth - 1, encoded=True)
    for inner in _from_quoted_printable(shown):
        yield from texts_within(inner, depth - 1)


def unescaped(text: str) -> str:
    r"""Text without percent signs, entities and escapes like `\u0061`, nested ones too."""
    for _ in range(_ROUNDS):
        before = text
        if "%" in text:
            text = unquote(_PERCENT_OF_PERCENT.sub("%", text), errors="replace")
        if "&" in text:
            text = html.unescape(text)
        if "\\" in text:
            text = _ESCAPE.sub(_unescaped_character, text)
        if text == before:
            break
    return text


def _unescaped_character(match: re.Match[str]) -> str:
    """Character of an escape.

    Nothing for one that only formats, such as a zero-width space; a control stays an escape.
    """
    character = chr(int(match[1] or match[2] or match[3], 16))
    if unicodedata.category(character) == "Cf":
        return ""
    return character if character.isprintable() else match[0]


def texts_in_json(text: str) -> Iterator[str]:
    """The names and texts of a JSON document, as its reader has them; none where it is no JSON."""
    try:
        # Of one that is nested too deep to be read, the text as it stands is looked through.
        waiting = [json.loads(text)] if len(text) <= LONGEST_TEXT and text.lstrip()[:1] in {"{", "["} else []
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*reversed(value.values()), *reversed(value)]
        elif isinstance(value, list):
            waiting += reversed(value)


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        yield from _from_base64("".join(match[0].split()))
    for match in _BASE32.finditer(text):
        yield from _readable(base64.b32decode(match[0][: len(match[0]) // 8 * 8]))
    for match in _HEX.finditer(text):
        digits = _NO_HEX.sub("", match[0])
        for start in (0, 1):
            yield from _readable(bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2]))


def _from_quoted_printable(text: str) -> Iterator[str]:
    if "=" in text:
        for match in _QUOTED_PRINTABLE.finditer(text):
            yield binascii.a2b_qp(match[0].encode("utf-8", "replace")).decode("utf-8", "replace")


def _from_base64(text: str) -> Iterator[str]:
    """Decode a run of its alphabet at each of four alignments.

    Whatever else of a link stands before it.
    """
    text = text.replace("-", "+").replace("_", "/")
    for start in range(4):
        end = start + (len(text) - start) // 4 * 4
        rest = text[end:]
        yield from _readable(
            binascii.a2b_base64(text[start:end] + (rest + "==="[: 4 - len(rest)] if len(rest) > 1 else ""))
        )


def _from_uuencode(text: str) -> Iterator[str]:
    for match in _UUENCODED.finditer(text):
        lines = []
        for line in match[0].splitlines():
            try:
                lines.append(binascii.a2b_uu(line))
            except (binascii.Error, ValueError):
                lines.append(b"\0")
        yield from _readable(b"".join(lines))


def _readable(content: bytes) -> Iterator[str]:
    """The readable stretches of what was decoded, of UTF-16 as well."""
    if b"\0" in content:
        content = content.replace(b"\0", b"")
    yield from (match[0] for match in _PRINTABLE.finditer(content.decode("latin-1")))
