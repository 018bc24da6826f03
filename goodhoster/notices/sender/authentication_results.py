"""Authentication-Results (RFC 8601): a mail server's findings on a mail's DKIM signatures.

Anybody can write such a header, and senders choose much of what an honest server writes into its own: addresses and
host names, in properties and in comments. It is read by its grammar: a method result is what stands behind a semicolon,
never part of a property, a comment or a quoted text. That is not enough, because servers do not always quote what they
copy: OpenDKIM writes a decoded i= tag, pyspf-milter a sender's address, each with semicolons and brackets where the
sender put them. So DKIM results count only as far as nothing that a sender chose stands before them.

The hoster's own results are those that bear its server's name and stand above the second Received line, in a mail that
came by a way on which nobody but that server delivers (`SeenMail.own_server`). The server should remove what outsiders
wrote in its name; where two such headers report on DKIM, it did not, and neither is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message

from goodhoster.notices.sender.dkim_signatures import tags_of

_LONGEST_HEADER = 16 << 10  # characters
_DEEPEST_COMMENT = 20
_BLANK = re.compile(r"[ \t\r\n]+")
_WORD = re.compile(r"[^\s;()\"=/.]+")
_KEYWORD = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_QUOTED = re.compile(r'"((?:[^"\\\r\n]|\\[^\r\n])*)"')
_PLAIN = re.compile(r"[^\s;()\"\\]+")
_HARMLESS_VALUE = re.compile(r"[a-z0-9._:+-]{0,253}", re.IGNORECASE)
_HARMLESS_TAG = re.compile(r"[a-z0-9._@+-]{0,253}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_SIGNERS = frozenset({"header.d", "header.i"})
_OF_DKIM = frozenset({"header.a", "header.b", "header.s", *_SIGNERS})
"""Properties of a DKIM result. None but `header.i` may hold an address."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """Result of one method, such as dkim=pass."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...]
    """Such as `header.d` and `hotline.example`; each name as often as it was written."""
    after_sender_text: bool = False
    """A comment or value before it may hold what a sender chose, so that perhaps the sender wrote this, too."""

    def values(self, name: str) -> list[str]:
        """Values of that property, lower case."""
        return [value.lower().rstrip(".") for key, value in self.properties if key == name]


@dataclass(frozen=True, slots=True)
class PassedSignature:
    """A DKIM signature that a server found to match."""

    domain: str
    selector: str = ""
    """Empty where the server does not tell."""
    begins: str = ""
    """The first characters of the signature itself (header.b); empty where the server does not tell."""


def own_passes(message: Message, authserv_id: str) -> tuple[PassedSignature, ...]:
    """The signatures that our own server found to match; none without such a server."""
    if not authserv_id:
        return ()
    told = [results for text in _newest(message) if (results := _dkim_results(text, authserv_id))]
    return _passes(told[0], message) if len(told) == 1 else ()


def sealed_passes(results: str, message: Message) -> tuple[PassedSignature, ...]:
    """Signatures that matched according to trusted `ARC-Authentication-Results`."""
    try:
        _, found = parse_results(results)
    except ValueError:
        return ()
    return _passes(_before_sender_text(found), message)


def parse_results(text: str) -> tuple[str, tuple[MethodResult, ...]]:
    """Parse the server's name and its results. ValueError for anything outside the grammar."""
    if len(text) > _LONGEST_HEADER:
        raise ValueError("too long")
    reader = _Reader(text)
    server = reader.value().lower()
    if not reader.at_end and reader.peek() != ";":
        reader.word()  # the version
    results: list[MethodResult] = []
    while not reader.at_end:
        reader.expect(";")
        if not reader.at_end:  # some end with a semicolon
            results += reader.result()
    return server, tuple(results)


def _newest(message: Message) -> Iterator[str]:
    """Results above the second Received line.

    Everything below was there before the message reached us.
    """
    received = 0
    for name, value in message.items():
        received += name.lower() == "received"
        if received > 1:
            return
        if name.lower() == "authentication-results":
            yield str(value)


def _dkim_results(text: str, authserv_id: str) -> list[MethodResult]:
    """DKIM results of that server.

    A header in its name that cannot be read counts as one that says nothing certain: with it no other is believed.
    """
    try:
        server, results = parse_results(text)
    except ValueError:
        return [_UNREADABLE] if authserv_id.lower() in text.lower() else []
    if server != authserv_id.lower() or all(result.method != "dkim" for result in results):
        return []
    return _before_sender_text(results) or [_UNREADABLE]


_UNREADABLE = MethodResult("dkim", "unreadable", ())


def _before_sender_text(results: Sequence[MethodResult]) -> list[MethodResult]:
    """DKIM results that stand before everything that a sender may have chosen.

    Their own values are compared with the mail's signatures afterwards; their comments are the verifier's.
    """
    return [result for result in results if result.method == "dkim" and not result.after_sender_text]


def _passes(results: Sequence[MethodResult], message: Message) -> tuple[PassedSignature, ...]:
    """Results that passed and of which nothing else was reported.

    One that contradicts itself invalidates them all, and so do more of them than the mail has signatures: somebody
    else wrote part of it.
    """
    signatures = [tags_of(str(text)) or {} for text in message.get_all("DKIM-Signature", [])]
    plain = all(_HARMLESS_TAG.fullmatch(tags.get(name, "")) for tags in signatures for name in "adsi")
    if not plain or len(results) > len(signatures):
        return ()
    if any(result.properties and not _consistent(result) for result in results):
        return ()
    failed = [_signature(result) for result in results if result.result != "pass" and result.properties]
    passed = [_signature(result) for result in results if result.result == "pass"]
    return tuple(one for one in passed if not any(_may_be_same(one, other) for other in failed))


def _signature(result: MethodResult) -> PassedSignature:
    """Signature that a result is about; Gmail and Yahoo name the signer in header.i alone."""
    domains = result.values("header.d") or [name.rpartition("@")[2] for name in result.values("header.i")]
    begins = [value for name, value in result.properties if name == "header.b"]
    return PassedSignature(domains[0] if domains else "", "".join(result.values("header.s")), "".join(begins))


def _may_be_same(one: PassedSignature, other: PassedSignature) -> bool:
    """Whether two results may belong to the same signature.

    Two signatures of one domain may differ in their result only where their keys are told apart.
    """
    apart = one.selector and other.selector and one.selector != other.selector
    return one.domain == other.domain and not apart


def _consistent(result: MethodResult) -> bool:
    """Whether a result has nothing twice, nothing of another method, and one domain.

    A quoted address that a server wrote without its quotes would leave something else.
    """
    names = [name for name, _ in result.properties]
    if len(set(names)) != len(names) or not _OF_DKIM.issuperset(names) or _SIGNERS.isdisjoint(names):
        return False
    if any("@" in value for name, value in result.properties if name != "header.i"):
        return False
    identities, domains = result.values("header.i"), result.values("header.d")
    within = [identity.rpartition("@")[2] for identity in identities]
    if any("@" not in identity for identity in identities) or not all(map(_DOMAIN.fullmatch, [*domains, *within])):
        return False
    return not (domains and within) or within[0] == domains[0] or within[0].endswith("." + domains[0])


class _Reader:
    """Parser that reads a header from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._sender_text = False
        self._skip()

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def expect(self, sign: str) -> None:
        if self.peek() != sign:
            raise ValueError(f"{sign!r} expected at {self._at}")
        self._at += 1
        self._skip()

    def word(self) -> str:
        return self._match(_WORD).lower()

    def result(self) -> list[MethodResult]:
        """Read one method result; none for `none`, which says that nothing was tried."""
        before = self._sender_text
        method = self._keyword()
        if method == "none" and (self.at_end or self.peek() == ";"):
            return []
        if self.peek() == "/":
            self.expect("/")
            self.word()  # the method's version
        self.expect("=")
        result = self._keyword()
        properties: list[tuple[str, str]] = []
        while not self.at_end and self.peek() != ";":
            properties += self._property()
        if method == "dkim":
            self._sender_text = before
        return [MethodResult(method, result, tuple(properties), before)]

    def value(self) -> str:
        """Read a property's value.

        It consists of words, quoted texts and what stands between them without a blank, such as an address.
        """
        found, begin = "", self._at
        while True:
            if quoted := _QUOTED.match(self._text, self._at):
                found += re.sub(r"\\(.)", r"\1", quoted[1])
                self._at = quoted.end()
            elif plain := _PLAIN.match(self._text, self._at):
                found += plain[0]
                self._at = plain.end()
            else:
                break
        if begin == self._at and self.peek() not in {"", ";"}:
            raise ValueError(f"no value at {self._at}")
        self._skip()
        return found

    def _property(self) -> list[tuple[str, str]]:
        """Read one `type.name=value`.

        A word without a type (`reason=`, `policy=`, `action=`) says nothing that counts.
        """
        name = self._keyword()
        typed = self.peek() == "."
        if typed:
            self.expect(".")
            name = f"{name}.{self.word()}"
        self.expect("=")
        value = self.value()
        self._sender_text |= name.startswith("smtp.") or not _HARMLESS_VALUE.fullmatch(value)
        return [(name, value)] if typed else []

    def _keyword(self) -> str:
        word = self.word()
        if not _KEYWORD.fullmatch(word):
            raise ValueError(f"no keyword before {self._at}")
        return word

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            raise ValueError(f"nothing that can be read at {self._at}")
        self._at = found.end()
        self._skip()
        return found[0]

    def _skip(self) -> None:
        """Skip blanks and comments."""
        while True:
            if blank := _BLANK.match(self._text, self._at):
                self._at = blank.end()
            elif self.peek() == "(":
                self._skip_comment()
            else:
                return

    def _skip_comment(self) -> None:
        self._sender_text, depth = True, 0
        while not self.at_end:
            sign = self.peek()
            self._at += 2 if sign == "\\" else 1
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if not depth:
                return
            if depth > _DEEPEST_COMMENT:
                break
        raise ValueError("a comment without end")
