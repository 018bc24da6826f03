"""Notices as `--json` prints them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from goodhoster.model.uploads import exact
from goodhoster_agent.commands.notice_page import proof_of, sender_of

if TYPE_CHECKING:
    from goodhoster.model.notice_status import Notice, NoticeItem, Reply
    from goodhoster.takedowns.preview import PreviewLine


def notice_object(notice: Notice) -> dict[str, Any]:
    """The object that `--json` prints."""
    trust = notice.trust
    return {
        "id": notice.id,
        "notifier": notice.notifier or None,
        "level": notice.level,
        "proof": proof_of(notice),
        "from": sender_of(notice) or None,
        "subject": notice.read.subject if notice.read else None,
        "format": notice.read.format if notice.read else None,
        "reference": notice.reference,
        "received_at": notice.receipt.received_at.isoformat(),
        "deadline": _moment(notice.deadline),
        "state": notice.state,
        "code": "need-more" if notice.needs_more else None,
        "urgent": notice.urgent,
        "items": [_item_object(item) for item in notice.items],
        "stopped_at": _moment(notice.stopped_at),
        "reason": notice.reason,
        "duplicate_of": notice.duplicate_of or None,
        "sent": list(notice.sent),
        "replies": [_reply_object(reply) for reply in notice.replies],
        "sha256": notice.receipt.sha256.hex(),
        "doubts": list(notice.read.doubts) if notice.read else [],
        "cues": list(notice.read.cues) if notice.read else [],
        "confidential": _confidential(notice),
        "terms": list(dict.fromkeys(term.words for term in notice.read.terms)) if notice.read else [],
        "unread": list(notice.read.unread) if notice.read else [],
        "named": list(notice.named),
        "index_gap": notice.index_gap,
        "rules": [{"name": r.name, "passed": r.passed, "why": r.why} for r in (trust.rules if trust else ())],
    }


def _confidential(notice: Notice) -> str | None:
    """The sentence by which it may be confidential; None where customers are told."""
    read = notice.read
    return (read.confidential or "the order says so") if read and read.is_confidential else None


def _reply_object(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.receipt.id,
        "received_at": reply.receipt.received_at.isoformat(),
        "from": reply.sender or None,
        "opening": reply.opening,
        "automatic": reply.automatic,
        "notice": reply.notice or None,
        "waits": reply.waits,
    }


def preview_object(line: PreviewLine) -> dict[str, Any]:
    """The object of one line of a preview."""
    return {
        "url": line.url,
        "effect": line.effect,
        "customer": line.customer or None,
        "path": exact(line.place.absolute) if line.place else None,
        "case": line.case or None,
        "reason": line.reason,
    }


def _item_object(item: NoticeItem) -> dict[str, Any]:
    return {
        "url": item.url,
        "state": item.state,
        "code": item.state.answer_code,
        "customer": item.customer or None,
        "path": exact(item.place.absolute) if item.place else None,
        "reason": item.reason,
        "known_to": list(item.known_to),
        "front": item.front or None,
        "server": item.server or None,
        "forwarded": item.forwarded or None,
        "cases": list(item.cases),
        "copies_held": list(item.copies_held),
        "reopened": item.reopened,
        "found_at": list(item.found_at),
        "blocked": item.blocked,
        "gone_at": _moment(item.gone_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
