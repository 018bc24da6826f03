"""Purges of caches in front of our sites, as commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goodhoster_agent.commands.listing import local_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goodhoster.assembly.services import Services
    from goodhoster.model.notice_status import Notice
    from goodhoster.model.purges import Purge


def purges_of(notice: Notice, services: Services) -> Sequence[Purge]:
    """The purges of a notice's cases and blocks; none where no [[purge]] is set."""
    if services.notices.purges is None:
        return ()
    cases = [case_id for item in notice.items for case_id in item.cases]
    return services.notices.purges.of([*cases, *(item.url for item in notice.items)])


def purge_object(purge: Purge) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "about": purge.about,
        "cause": purge.cause,
        "state": purge.state,
        "asked_at": purge.asked_at.isoformat(),
        "ended_at": purge.ended_at.isoformat() if purge.ended_at else None,
        "tries": purge.tries,
        "reason": purge.detail,
        "purged": [dict(zip(("hook", "url"), each.split(" ", 1), strict=True)) for each in purge.done],
    }


def purge_text(purge: Purge) -> str:
    """One line: what became of it, and why it is not purged where it is not."""
    from goodhoster.letters.texts import defanged
    from goodhoster.model.purges import PurgeState

    hooks = ", ".join(dict.fromkeys(each.partition(" ")[0] for each in purge.done))
    about = f"{defanged(purge.about)} {purge.cause}"
    if purge.state is PurgeState.PURGED:
        return f"{about}: purged {local_time(purge.ended_at)} by {hooks} ({len(purge.done)} addresses)"
    if purge.state is PurgeState.DROPPED:
        return f"{about}: NOT purged, and no [[purge]] names its host any more: {purge.detail}"
    if not purge.tries:
        return f"{about}: not purged yet"
    again = f"tried {purge.tries} times, next {local_time(purge.due)}"
    return f"{about}: NOT purged: {purge.detail} ({again})"
