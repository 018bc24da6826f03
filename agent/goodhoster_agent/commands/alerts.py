"""`goodhoster alerts …`: what persons were told, and a test of each rule."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import ConfigurationError
from goodhoster_agent.commands.listing import Column, CsvOption, LimitOption, local_time, print_list
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    note_order,
    open_services,
    print_json,
    print_line,
)

if TYPE_CHECKING:
    from goodhoster.alerts.desk import AlertDesk
    from goodhoster.assembly.services import Services
    from goodhoster.model.alerts import AlertDelivery

app = typer.Typer(no_args_is_help=True, help="List alerts, and test the rules of [[alert]] and [paging].")

RuleOption = Annotated[str | None, typer.Option("--rule", help="Only this rule.", show_default=False)]


@app.command("test")
def send_test_command(
    rule: RuleOption = None,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Send a test by each rule, and tell which were accepted: 0 all, 1 some, 3 none."""
    with open_services(config) as services:
        desk = _desk(services)
        names = [each.name for each in desk.rules]
        if rule is not None and rule not in names:
            raise ConfigurationError(f"there is no alert rule {rule}", hint="known are: " + ", ".join(names))
        accepted = 0
        for name in [rule] if rule else names:
            note_order(services.audit, "alerts test", reason, rule=name)
            trouble = desk.test(name, f"test-{secrets.token_hex(8)}")
            accepted += not trouble
            if as_json:
                print_json({"rule": name, "accepted": not trouble, "error": trouble or None})
            else:
                print_line(f"{name}: {'not accepted: ' + trouble if trouble else 'accepted'}")
    total = 1 if rule else len(names)
    raise typer.Exit(FINE if accepted == total else YES if accepted else UNCHECKED)


@app.command("list")
def list_command(
    limit: LimitOption = None, config: ConfigOption = None, *, as_csv: CsvOption = False, as_json: JsonOption = False
) -> None:
    """List alerts by rule, newest first: what was accepted, and what waits and why."""
    with open_services(config) as services:
        found = _desk(services).deliveries(limit or 100)
    print_list(found, _COLUMNS, _as_object, as_json=as_json, as_csv=as_csv)


def _desk(services: Services) -> AlertDesk:
    if services.alerts is None:
        hint = "add an [[alert]] to goodhoster.toml; see docs/how-to-alerts.md"
        raise ConfigurationError("no alert rule is set: nobody is alerted", hint=hint)
    return services.alerts


def _as_object(delivery: AlertDelivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "rule": delivery.rule,
        "kind": delivery.alert.kind,
        "subject": delivery.alert.subject,
        "raised_at": delivery.alert.raised_at.isoformat(),
        "state": delivery.state,
        "sent": delivery.sent,
        "tries": delivery.tries,
        "next_at": delivery.next_at.isoformat() if delivery.next_at else None,
        "error": delivery.error or None,
    }


_COLUMNS: tuple[Column[AlertDelivery], ...] = (
    Column("RAISED", lambda each: local_time(each.alert.raised_at)),
    Column("RULE", lambda each: each.rule),
    Column("STATE", lambda each: each.state),
    Column("KIND", lambda each: each.alert.kind),
    Column("SUBJECT", lambda each: each.alert.subject),
    Column("ERROR", lambda each: each.error),
)
