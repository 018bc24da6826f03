"""What we publish about how to reach us: security.txt (RFC 9116), RDAP (RFC 9083)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from goodhoster.errors import UnreadableError

_DEEPEST = 8
"""Entities within entities; registries nest two or three."""
_MOST_LINES = 1000
_FIELD = re.compile(r"([A-Za-z-]{1,40})\s*:\s*(.*)")
_CONTACT = re.compile(r"(?:mailto:|https://|tel:)\S+", re.IGNORECASE)


def faults_of_security_txt(text: str, now: datetime) -> list[str]:
    """What is wrong with a security.txt; empty when nothing is."""
    fields = [found.groups() for line in text.splitlines()[:_MOST_LINES] if (found := _FIELD.fullmatch(line.strip()))]
    contacts = [value for name, value in fields if name.lower() == "contact"]
    expires = [value for name, value in fields if name.lower() == "expires"]
    return [*_faults_of_contacts(contacts), *_faults_of_expiry(expires, now)]


def _faults_of_contacts(contacts: list[str]) -> Iterator[str]:
    if not contacts:
        yield "it has no Contact"
    yield from (
        f"Contact {value[:80]} is not a mailto:, https:// or tel:" for value in contacts if not _CONTACT.match(value)
    )


def _faults_of_expiry(expires: list[str], now: datetime) -> Iterator[str]:
    if len(expires) != 1:
        yield f"it has {'no' if not expires else str(len(expires))} Expires, and must have one"
        return
    try:
        end = datetime.fromisoformat(expires[0].strip())
    except ValueError:
        yield f"Expires {expires[0][:40]} is not a date"
        return
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    if end <= now:
        yield f"it expired on {end:%Y-%m-%d}"


def abuse_contacts(answer: str) -> tuple[str, ...]:
    """The abuse contacts in an answer of an RDAP server: addresses, or pages with a form.

    UnreadableError when it is none.
    """
    try:
        data = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("the RDAP server's answer is not JSON") from error
    if not isinstance(data, dict) or "objectClassName" not in data:
        raise UnreadableError("the RDAP server's answer is not about a network")
    found = (contact for entity in _entities(data, 0) if _is_for_abuse(entity) for contact in _ways(entity))
    mails = (contact for entity in _entities(data, 0) for contact in _marked(entity))
    return tuple(dict.fromkeys([*found, *mails]))[:20]


def _entities(holder: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    entities = holder.get("entities")
    if depth < _DEEPEST and isinstance(entities, list):
        for entity in entities[:_MOST_LINES]:
            if isinstance(entity, dict):
                yield entity
                yield from _entities(entity, depth + 1)


def _is_for_abuse(entity: dict[str, Any]) -> bool:
    roles = entity.get("roles")
    return isinstance(roles, list) and "abuse" in roles


def _properties(entity: dict[str, Any]) -> Iterator[list[Any]]:
    """The properties of its jCard: name, parameters, type, value."""
    card = entity.get("vcardArray")
    if isinstance(card, list) and len(card) == 2 and isinstance(card[1], list):  # noqa: PLR2004 - jCard's form
        yield from (one for one in card[1][:_MOST_LINES] if isinstance(one, list) and len(one) >= 4)  # noqa: PLR2004 - the same


def _ways(entity: dict[str, Any]) -> Iterator[str]:
    yield from (str(one[3]) for one in _properties(entity) if one[0] in {"email", "contact-uri"} and one[3])


def _marked(entity: dict[str, Any]) -> Iterator[str]:
    """Addresses that the jCard itself marks as those for abuse, whatever the entity's role."""
    for name, parameters, _, value, *_ in _properties(entity):
        kinds = parameters.get("type") if isinstance(parameters, dict) else None
        if name == "email" and "abuse" in (kinds if isinstance(kinds, list) else [kinds]) and value:
            yield str(value)
