"""Vetting as `--json` has it."""

from __future__ import annotations

from typing import Any

from goodhoster.model.customers.vetting import Vetting


def as_object(vetting: Vetting) -> dict[str, Any]:
    """A vetting for `--json`."""
    return {
        "id": vetting.customer,
        "vetting": key_of(vetting),
        "risk": {
            "level": vetting.risk.level,
            "points": vetting.risk.points,
            "rules": [
                {"fact": each.fact, "holds": each.holds, "weight": each.weight, "words": each.words}
                for each in vetting.risk.reasons
            ],
        },
    }


def key_of(vetting: Vetting) -> dict[str, Any]:
    """The key `vetting` of a customer."""
    until = vetting.expires_at
    return {
        "state": vetting.state,
        "missing": list(vetting.missing),
        "expires_at": until.isoformat() if until else None,
        "risk": vetting.risk.level,
    }
