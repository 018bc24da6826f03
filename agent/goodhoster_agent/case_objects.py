"""Cases and matches as `--json` prints them and the HTTP door answers them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from goodhoster.model.uploads import exact

if TYPE_CHECKING:
    from goodhoster.model.cases import Case
    from goodhoster.model.verdicts import Match, SourceAnswer


def case_object(case: Case) -> dict[str, Any]:
    """A case."""
    return {
        "id": case.id,
        "state": case.state,
        "customer": case.upload.customer,
        "path": exact(case.upload.place.absolute),
        "verdict": case.verdict,
        "measures": [{"kind": m.kind, "state": m.state, "detail": m.detail} for m in case.measures],
        "opened_at": case.opened_at.isoformat(),
        "closed_at": _moment(case.closed_at),
        "reason": case.reason,
        "actor": case.actor,
        "matches": [match_object(match) for match in case.matches],
        "answered": [answer_object(answer) for answer in case.answered],
        "sha256": case.digests.sha256.hex(),
        "attempt": case.is_attempt,
        "notice": case.notice or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def match_object(match: Match) -> dict[str, Any]:
    """A match."""
    return {
        "source": match.source,
        "algorithm": match.algorithm,
        "category": match.category,
        "distance": match.distance,
        "exemption": str(match.exemption) if match.exemption else None,
    }


def answer_object(answer: SourceAnswer) -> dict[str, Any]:
    """A source that answered."""
    return {"source": answer.source, "version": answer.version, "share": answer.share}
