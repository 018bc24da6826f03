"""What the HTTP door works with, of the parts of this process."""

from __future__ import annotations

from typing import Any

from goodhoster.assembly.services import Services
from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.gates import GateAnswer
from goodhoster.ports import CaseQuery
from goodhoster_agent.case_objects import case_object
from goodhoster_agent.doors.api.bucket_events import created_keys
from goodhoster_agent.doors.api.door import ApiParts
from goodhoster_agent.doors.api.tokens import Tokens, tokens_file
from goodhoster_agent.status.objects import mode_object, status_object


def api_parts(services: Services) -> ApiParts:
    """The parts of the HTTP door. ConfigurationError when the file of tokens cannot be read."""
    return ApiParts(
        attempts=services.attempts,
        tokens=Tokens(tokens_file(services.state_dir)),
        not_ready=lambda: _not_ready(services),
        may=lambda customer, action: _may(services, customer, action),
        status=lambda: status_object(services),
        cases=lambda state, customer, limit: _cases(services, state, customer, limit),
        objects=lambda bucket, notification: _note_objects(services, bucket, notification),
        case=lambda case_id: case_object(services.case_store.get(case_id)),
    )


def _not_ready(services: Services) -> str:
    """Why nothing can be checked now, as a short stable code; empty when it can."""
    health = [source.health() for source in services.sources]
    if not health:
        return "no-source"
    if any(one.alarm for one in health):
        return "source-refuses"
    return "source-unavailable" if any(one.paused_until for one in health) else ""


def _may(services: Services, customer: str, action: str) -> dict[str, Any]:
    """The answer of the gate; without a register nobody is told that a customer may."""
    if not services.customers.in_use:
        return {"allowed": None, "reason": "no-gates", "mode": mode_object(services)["mode"]}
    if action != "upload":
        raise RefusedError("the only thing that can be asked is: upload")
    standing = services.customers.standing
    found = standing.gates.may_upload(customer)
    allowed = {GateAnswer.YES: True, GateAnswer.NO: False, GateAnswer.UNCHECKED: None}
    return {
        "allowed": allowed[found.answer],
        "reason": "; ".join(found.reasons),
        "mode": "enforce" if standing.rules.enforce else "observe",
    }


def _note_objects(services: Services, name: str, notification: dict[str, Any]) -> int:
    bucket = next((each.bucket for each in services.settings.buckets if each.name == name), None)
    if bucket is None:
        raise RefusedError(f"there is no bucket {name}")
    try:
        keys = created_keys(notification, bucket)
    except ValueError as error:
        raise RefusedError(str(error)) from error
    if keys:
        services.buckets.queue.hint(name, keys)
    return len(keys)


def _cases(services: Services, state: str | None, customer: str | None, limit: int) -> list[dict[str, Any]]:
    if state is not None and state not in set(CaseState):
        raise RefusedError(f"`state` must be one of {', '.join(CaseState)}")
    states = frozenset({CaseState(state)} if state else ())
    found = services.case_store.find(CaseQuery(states=states, customer=customer, newest=limit))
    return [case_object(case) for case in found]
