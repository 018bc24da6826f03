"""Codes for the reasons why a question got no usable answer.

docs/how-to-hash-sources.md says what to do about each.
"""

from __future__ import annotations

from enum import StrEnum

from goodhoster.model import verdicts


class Reason(StrEnum):
    """A short and stable code.

    Codes are counted, stored and compared, so a code is never given another meaning.
    """

    ODD_ANSWER = "odd-answer"
    """Anything but `true` or `false` with status 200."""
    REDIRECTED = "redirected"
    """A redirect; it is never followed, since it would carry the question and the password elsewhere."""
    CLIENT_ERROR = "client-error"
    """Another 4xx: the service does not understand what we ask."""
    SERVER_ERROR = "server-error"
    """5xx."""
    RATE_LIMITED = "rate-limited"
    """429."""
    REFUSED = "refused"
    """401 or 403: the account is wrong, and a person must act."""
    TIMEOUT = "timeout"
    """No whole answer inside the total deadline."""
    UNREACHABLE = "unreachable"
    """No connection: DNS, network, or nobody listens."""
    CONNECTION_LOST = "connection-lost"
    """The connection ended before the answer did."""
    TLS = "tls"
    """The certificate is not what it must be."""
    PROXY = "proxy"
    """The proxy of this host does not let us through."""
    PAUSED = "paused"
    """Not asked: the circuit breaker is open after earlier failures."""
    CLOSED = "closed"
    """Not asked: this process is stopping."""
    LIST_DAMAGED = "list-damaged"
    """A list on this host cannot be read; an answer without it would be a guess."""
    NOT_ASKABLE = verdicts.NOT_ASKABLE
    """None of the digests at hand is one this source can be asked by."""
    NOT_ASKED = verdicts.NOT_ASKED
    """In shadow, outside the share of contents that the source is asked about, or without any list yet."""
    TOO_FLAT = verdicts.TOO_FLAT
    """Compares fingerprints only, and the picture has too little to see for one of them."""
    INTERNAL_ERROR = "internal-error"
    """A fault of the source itself, as of a plug-in; the journal has its trace."""
