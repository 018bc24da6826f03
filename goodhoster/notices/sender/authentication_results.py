"""What the hoster's own mail server found (Authentication-Results, RFC 8601).

Anybody can write such a header. Ours is the one that bears our server's name and stands above the second Received line:
everything below that was there before the message reached us. Our server should take away what outsiders wrote in its
name; where two such headers tell of DKIM, it did not, and neither is believed.
"""

from __future__ import annotations

import re
from email.message import Message

_COMMENT = re.compile(r"\([^()]{0,1000}\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.){0,1000}"')
_DKIM = re.compile(r"\bdkim\s*=", re.IGNORECASE)
_PASS = re.compile(r"\bdkim\s*=\s*pass\b", re.IGNORECASE)
_DOMAIN = re.compile(r"\bheader\.d\s*=\s*([a-z0-9.-]{1,253})", re.IGNORECASE)


def domains_passed(message: Message, authserv_id: str) -> frozenset[str]:
    """Domains whose DKIM signature our own server found to match; empty without such a server."""
    if not authserv_id:
        return frozenset()
    told = [results for text in _ours(message) if (results := _results(text, authserv_id))]
    return frozenset(_passed(told[0])) if len(told) == 1 else frozenset()


def _ours(message: Message) -> list[str]:
    """The results above the second Received line."""
    found, received = [], 0
    for name, value in message.items():
        received += name.lower() == "received"
        if received > 1:
            break
        if name.lower() == "authentication-results":
            found.append(" ".join(str(value).split()))
    return found


def _results(text: str, authserv_id: str) -> list[str]:
    """What that server found about DKIM; empty when it is another's, or about something else."""
    server, *results = _plain(text).split(";")
    if (server.split() or [""])[0].lower() != authserv_id.lower():
        return []
    return [result for result in results if _DKIM.search(result)]


def passed_in(results: str) -> list[str]:
    """Domains whose DKIM signature matched, by results that are believed: those of `ARC-Authentication-Results`."""
    return _passed(_plain(results).split(";")[1:])


def _plain(text: str) -> str:
    """Without comments and quoted texts: senders choose what is in them, such as a name that holds a whole result.

    Empty when something is left that could be part of one.
    """
    text = _QUOTED.sub("", text)
    while (shorter := _COMMENT.sub("", text)) != text:
        text = shorter
    return "" if set('"()') & set(text) else text


def _passed(results: list[str]) -> list[str]:
    domains = (_DOMAIN.search(result) for result in results if _PASS.search(result))
    return [domain[1].lower().rstrip(".") for domain in domains if domain]
