"""Restoring of links that a mail gateway rewrote, where it left the original URL in.

Nothing is fetched. Microsoft, Proofpoint (three ways), Barracuda, Cisco, Trend Micro, Sophos, Trellix and Symantec
write the original into theirs; Mimecast and some others only a number, and a person must look then.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import parse_qs, unquote, urlsplit

from goodhoster.errors import HiddenLinkError

_DEEPEST = 5
_IN_QUERY = {
    "safelinks.protection.outlook.com": ("url",),
    "safelinks.protection.office365.us": ("url",),
    "teams.cdn.office.net": ("url",),
    "linkprotect.cudasvc.com": ("a",),
    "trendmicro.com": ("url",),
    "fireeye.com": ("u",),
    "trellix.com": ("u",),
    "clicktime.symantec.com": ("u",),
    "clicktime.cloud.postoffice.net": ("u",),
    "www.google.com": ("q", "url"),
    "l.facebook.com": ("u",),
    "slack-redir.net": ("url",),
    "out.reddit.com": ("url",),
}
"""The host, or what it ends with, and the field of the query that holds the original."""
_ONLY_A_NUMBER = ("mimecast.com", "mimecastprotect.com", "clicktime.symantec.com", "url.emailprotection.link")
_V3 = re.compile(r"/v3/__(.+?)__;([A-Za-z0-9_-]*)!", re.DOTALL)
_RUNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_HAS_SCHEME = re.compile(r"h[tx*0]{2}ps?:/", re.IGNORECASE)


def original_of(url: str) -> str:
    """URL as its sender wrote it; the same where no gateway changed it.

    HiddenLinkError when that cannot be told.
    """
    for _ in range(_DEEPEST):
        before, url = url, _undone(url)
        if url == before:
            return url
    raise HiddenLinkError("the link was rewritten too often")


def _undone(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return url
    if host in {"urldefense.com", "urldefense.proofpoint.com", "urldefense.us"}:
        return _proofpoint(url, parts.path, parts.query)
    if host == "secure-web.cisco.com":
        return _expected(unquote(parts.path.rpartition("/")[2]), host)
    if host.endswith(".protection.sophos.com"):
        return _expected(_from_base64(_field(parts.query, "u")), host)
    for end, fields in _IN_QUERY.items():
        if _within(host, end) and (found := next(filter(None, (_field(parts.query, name) for name in fields)), "")):
            return found if _HAS_SCHEME.match(found) else url
    if any(_within(host, end) for end in _ONLY_A_NUMBER):
        raise HiddenLinkError(f"{host} does not tell where its link leads")
    return url


def _within(host: str, end: str) -> bool:
    return host == end or host.endswith("." + end)


def _field(query: str, name: str) -> str:
    try:
        return parse_qs(query, errors="surrogateescape", max_num_fields=50).get(name, [""])[0]
    except ValueError:
        return ""


def _expected(found: str, host: str) -> str:
    if not _HAS_SCHEME.match(found):
        raise HiddenLinkError(f"{host} does not tell where its link leads")
    return found


def _proofpoint(url: str, path: str, query: str) -> str:
    if path == "/v1/url":
        return _expected(_field(query, "u"), "urldefense")
    if path == "/v2/url":
        return _expected(unquote(_field(query, "u").translate(str.maketrans("-_", "%/"))), "urldefense")
    found = _V3.search(url)
    if not found:
        raise HiddenLinkError("urldefense does not tell where its link leads")
    return _expected(_third_version(*found.groups()), "urldefense")


def _third_version(text: str, encoded: str) -> str:
    """Decode a Proofpoint v3 link.

    A `*` stands for the next character of the list behind it, `**` and a letter for a run of them.
    """
    replaced = _from_base64(encoded)
    taken = 0

    def filled(match: re.Match[str]) -> str:
        nonlocal taken
        count = 1 if match[0] == "*" else _RUNS.index(match[0][2]) + 2
        piece, taken = replaced[taken : taken + count], taken + count
        if len(piece) < count:
            raise HiddenLinkError("urldefense: characters are missing in the link")
        return piece

    # A proxy on the way may have made one slash of two.
    return re.sub(r"\*\*[A-Za-z0-9_-]|\*", filled, re.sub(r"^(https?:/)(?!/)", r"\1/", text)) if encoded else text


def _from_base64(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise HiddenLinkError("the link is encoded in a way that is not known") from error
