"""The audit log with references in place of personal data.

What names a person or a place is written as a keyed hash; the key lies outside the log, one for each case, or for the
customer where there is no case. Deleting the key unlinks the person, and the log stays as it was signed. Who reads
entries here gets the values back for as long as the key is there. Entries of before have plain values: they are read
as they are, and cannot be unlinked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import AuditError, GoodhosterError
from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding, AuditMark
from goodhoster.model.pseudonyms import PersonalValue, is_token, unlinked
from goodhoster.ports.proof import PseudonymStore

Value = str | int | bool | list[str] | None
_ENTRIES_PER_PIECE = 500

READABLE = frozenset(
    {
        "actor",
        "answer",
        "answered",
        "appeal",
        "before",
        "case",
        "cause",
        "ciphertext_sha256",
        "command",
        "copy",
        "decided",
        "destroyed_after",
        "door",
        "evidence",
        "gate",
        "how",
        "items",
        "keep_until",
        "kind",
        "level",
        "matches",
        "measure",
        "measures",
        "notice",
        "notifier",
        "outcome",
        "part_of",
        "recipients",
        "request",
        "rules",
        "rung",
        "sha256",
        "step",
        "storm",
        "suspension",
        "to",
        "tool",
    }
)
"""Fields that name neither a customer nor a place: what was done, by which rule, source and person of the house.

Every other text of an entry about a case, a customer or a notice is keyed, reasons and error texts too: they quote
paths. A new field is therefore keyed until somebody writes it here.
"""


class KeyedAuditLog:
    """See `ports.AuditLog`."""

    def __init__(self, log: FileAuditLog, keys: PseudonymStore) -> None:
        self._log = log
        self._keys = keys

    def append(self, event: AuditEvent) -> AuditEntry:
        """See `ports.AuditLog`."""
        return self.append_all((event,))[0]

    def append_all(self, events: Sequence[AuditEvent]) -> Sequence[AuditEntry]:
        """See `ports.AuditLog`. The keys are durable before the entries are."""
        scopes = [scope_of(event.data) for event in events]
        values = {value for event, scope in zip(events, scopes, strict=True) for value in _values(event.data, scope)}
        try:
            tokens = self._keys.tokens(values) if values else {}
        except GoodhosterError as error:
            message = f"the keys of the audit log cannot be written: {error}"
            raise AuditError(message, hint=f"nothing is acted on without them; {error.hint}") from error
        keyed = [_keyed(event, scope, tokens) for event, scope in zip(events, scopes, strict=True)]
        return self._log.append_all(keyed)

    def entries(self) -> Iterator[AuditEntry]:
        """See `ports.AuditLog`; with what the references stand for, where their key is there."""
        yield from (entry for entry, _ in self._read((entry, 0) for entry in self._log.entries()))

    def entries_from(self, position: int) -> Iterator[tuple[AuditEntry, int]]:
        """See `ports.GrowingLog`; with what the references stand for, where their key is there."""
        return self._read(self._log.entries_from(position))

    def durable_size(self) -> int:
        """See `ports.GrowingLog`."""
        return self._log.durable_size()

    def _read(self, lines: Iterator[tuple[AuditEntry, int]]) -> Iterator[tuple[AuditEntry, int]]:
        while piece := list(islice(lines, _ENTRIES_PER_PIECE)):
            values = self._keys.values({token for entry, _ in piece for token in tokens_in(entry.event.data)})
            for entry, position in piece:
                data = _resolved(entry.event.data, values)
                yield replace(entry, event=replace(entry.event, data=data)), position

    def verify(self, marks: Sequence[AuditMark] = (), at_least: int = 0) -> AuditFinding:
        """See `ports.AuditLog`; it is over the lines as they stand, with keys or without."""
        return self._log.verify(marks, at_least)

    def close(self) -> None:
        """Close the keys; they are opened again when they are needed."""
        self._keys.close()


def scope_of(data: Mapping[str, Value]) -> str:
    """What the key of an entry belongs to; empty where it names no person."""
    for field in ("case", "customer"):
        if (named := data.get(field)) and isinstance(named, str):
            return f"{field}/{named}"
    parts = [str(data[field]) for field in ("notice", "url") if data.get(field)]
    return "/".join(("notice", *parts)) if parts else ""


def _values(data: Mapping[str, Value], scope: str) -> Iterator[PersonalValue]:
    for field, value in data.items() if scope else ():
        if field not in READABLE:
            texts = value if isinstance(value, list) else [value]
            yield from (PersonalValue(scope, field, _text(text)) for text in texts if isinstance(text, str) and text)


def _keyed(event: AuditEvent, scope: str, tokens: Mapping[PersonalValue, str]) -> AuditEvent:
    if not scope:
        return event

    def keyed(field: str, value: Value) -> Value:
        if field in READABLE:
            return value
        if isinstance(value, list):
            return [tokens[PersonalValue(scope, field, _text(each))] if each else each for each in value]
        return tokens[PersonalValue(scope, field, _text(value))] if isinstance(value, str) and value else value

    return replace(event, data={field: keyed(field, value) for field, value in event.data.items()})


def tokens_in(data: Mapping[str, Value]) -> Iterator[str]:
    """The references in an entry."""
    for value in data.values():
        texts = value if isinstance(value, list) else [value]
        yield from (text for text in texts if isinstance(text, str) and is_token(text))


def _resolved(data: Mapping[str, Value], values: Mapping[str, str]) -> dict[str, Value]:
    def read(text: str) -> str:
        return values.get(text) or (unlinked(text) if is_token(text) else text)

    def resolved(value: Value) -> Value:
        if isinstance(value, list):
            return [read(each) for each in value]
        return read(value) if isinstance(value, str) else value

    return {field: resolved(value) for field, value in data.items()}


def _text(text: str) -> str:
    """A text as the log writes it: what is no Unicode character becomes "?"."""
    return str.__str__(text).encode(errors="replace").decode()
