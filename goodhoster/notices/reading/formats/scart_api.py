"""Requests posted by the hotline's client: `ip=<one address>&urls=<URLs on lines>`.

See AbuseIO/SCART-application, IPvolumeNTDapi.

The client never shows its user a status code; the door answers a broken body with the doubts found here.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qs

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice

_MOST_FIELDS = 20
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_BETWEEN = re.compile(r"[\r\n]+|[^\S\r\n]+(?=h[tx*]{2}ps?\s?(?::|\[))", re.IGNORECASE)


def read(body: bytes) -> ReadNotice:
    """The notice. UnreadableError when the body is no form or names no URL."""
    fields = form_of(body)
    urls = urls_of(fields.get("urls", ""))
    ip = fields.get("ip", "").strip()
    if not urls:
        raise UnreadableError("urls: at least one URL is needed")
    items = tuple(ReadItem(urls=(url,), ip=ip) for url in dict.fromkeys(urls))
    doubts = () if _is_address(ip) else (f"ip: {ip[:80]!r} is not an address",)
    return ReadNotice(NoticeFormat.SCART_API, items, doubts=doubts)


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a form-encoded body; of a repeated field, all values on lines of their own."""
    text = _BEYOND_ASCII.sub(lambda found: b"%%%02X" % found[0][0], body).decode("ascii")
    try:
        fields = parse_qs(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=_MOST_FIELDS,
            errors="surrogateescape",
        )
    except ValueError as error:
        raise UnreadableError(f"the body is not a form: {error}") from error
    return {_readable(name).removesuffix("[]"): "\n".join(map(_readable, values)) for name, values in fields.items()}


def _readable(value: str) -> str:
    """Decode text and keep each byte that is not UTF-8 as a URL spells it.

    An example is the `%E9` of a file name in Latin-1.
    """
    return _NOT_UTF8.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", value)


def urls_of(text: str) -> list[str]:
    """URLs of the field, one a line.

    A blank may be part of a URL, and only ends it where another URL begins.
    """
    return [url for piece in _BETWEEN.split(text) if (url := piece.strip())]


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False
