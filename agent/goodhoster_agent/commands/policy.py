"""`goodhoster policy explain`: the house rules in words, and what they say of a customer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.services import Services
from goodhoster.errors import RefusedError
from goodhoster.model.customers.gates import UploadAnswer
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Fact, FactKind, FactState
from goodhoster.policy.explaining import explained
from goodhoster.policy.gates import may_upload
from goodhoster.policy.ladder import History, NextMove, Now, next_move, standing_of
from goodhoster.settings.house_rules import read_house_rules
from goodhoster_agent.commands.customers.standing import customer_of
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    open_services,
    print_json,
    print_line,
    read_settings,
)

app = typer.Typer(no_args_is_help=True, help="Explain the house rules about customers.")

_INCIDENT = "incident"
CustomerOption = Annotated[str, typer.Option("--customer", help="What the rules say of this customer.")]
WhatIfOption = Annotated[
    str, typer.Option("--what-if", help="A file with other rules, or `incident`: one more confirmed incident now.")
]


@app.callback()
def _group() -> None:
    """Keep `explain` a command: Typer makes the only command of a group the group."""


@app.command("explain")
def explain_command(
    customer: CustomerOption = "",
    what_if: WhatIfOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say the house rules in words; with --customer what would happen and why."""
    if what_if == _INCIDENT and not customer:
        raise RefusedError("one more incident at whom?", hint="add --customer ID")
    settings = read_settings(config)
    rules = read_house_rules(settings.house_rules.file)
    other = read_house_rules(Path(what_if)) if what_if and what_if != _INCIDENT else rules
    if not customer:
        _print_rules(other, as_json=as_json)
        return
    with open_services(config) as services:
        customer_id = customer_of(services, customer)
        found = [_Preview("now", *_preview_for(services, customer_id, rules))]
        if what_if:
            title = "after one more incident" if what_if == _INCIDENT else f"by the rules of {what_if}"
            changed = _preview_for(services, customer_id, other, one_more=what_if == _INCIDENT)
            found.append(_Preview(title, *changed))
    for outlook in found:
        print_json(outlook.as_object(customer_id)) if as_json else outlook.print()


@dataclass(frozen=True, slots=True)
class _Preview:
    """What rules say of a customer."""

    title: str
    answer: UploadAnswer | None
    standing: str
    following: NextMove | None

    def as_object(self, customer_id: str) -> dict[str, Any]:
        return {
            "id": customer_id,
            "case": self.title,
            "upload": (self.answer.observed or self.answer.answer) if self.answer else "unchecked",
            "reasons": list(self.answer.reasons) if self.answer else ["there is no such customer in the register"],
            "standing": self.standing,
            "next": {"move": self.following.move, "rung": self.following.rung, "reason": self.following.reason}
            if self.following
            else None,
        }

    def print(self) -> None:
        shown = self.as_object("")
        print_line(f"{self.title}: uploads {shown['upload']}, standing {self.standing}")
        for reason in shown["reasons"]:
            print_line(f"  {reason}")
        if self.following:
            print_line(f"  next: {self.following.move} {self.following.rung}: {self.following.reason}")


def _print_rules(rules: CustomerRules, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"version": rules.version, "mode": "enforce" if rules.enforce else "observe", "rules": explained(rules)}
        )
        return
    print_line(f"House rules, version {rules.version}")
    for sentence in explained(rules):
        print_line(f"  {sentence}")


def _preview_for(
    services: Services, customer_id: str, rules: CustomerRules, *, one_more: bool = False
) -> tuple[UploadAnswer | None, str, NextMove | None]:
    standing_services = services.customers.standing
    now = services.notices.clock()
    known = services.customers.store.known(customer_id)
    answer = may_upload(standing_services.gates.facts_of(known), rules, now) if known else None
    facts, steps, appealed = standing_services.desk.history(customer_id)
    if one_more:
        new = Fact("case:what-if", customer_id, FactKind.KNOWN_MATERIAL, FactState.CONFIRMED, now)
        facts = replace(facts, own=(*facts.own, new))
    standing = standing_of(facts, rules.ladder, now)
    # Observed time is as it is: a notice that runs is shown as running.
    following = next_move(standing, History(steps, appealed), rules.ladder, Now(now, 0.0))
    return answer, standing.rung or "good", following
