"""`goodhoster audit …`: is the log whole, and what does it say."""

from __future__ import annotations

from typing import Any

import typer

from goodhoster.assembly.state import audit_log
from goodhoster.model.audit import AuditEntry
from goodhoster_agent.commands.options import FINE, YES, ConfigOption, JsonOption, print_json, read_settings

app = typer.Typer(no_args_is_help=True, help="The append-only log of what was intended and what was done.")


@app.command("verify")
def verify_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Read the whole log; exit code 1 when an entry is not as it was written."""
    finding = audit_log(read_settings(config)).verify()
    if as_json:
        print_json(
            {
                "entries": finding.entries,
                "size": finding.size,
                "root": finding.root,
                "ok": finding.ok,
                "first_bad": finding.first_bad,
                "problem": finding.problem,
            }
        )
    elif finding.ok:
        print(f"whole: {finding.entries:,} entries, {finding.size:,} bytes, root {finding.root}")
    else:
        print(f"NOT whole from entry {finding.first_bad} on: {finding.problem}")
    raise typer.Exit(FINE if finding.ok else YES)


@app.command("show")
def show_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Every entry, oldest first."""
    for entry in audit_log(read_settings(config)).entries():
        print_json(_as_object(entry)) if as_json else print(_as_text(entry))


def _as_object(entry: AuditEntry) -> dict[str, Any]:
    return {
        "n": entry.number,
        "at": entry.at.isoformat(),
        "kind": entry.event.kind,
        "data": dict(entry.event.data),
        "previous": entry.previous.hex(),
    }


def _as_text(entry: AuditEntry) -> str:
    data = "  ".join(f"{name}={value}" for name, value in entry.event.data.items())
    return f"{entry.number:>6}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.event.kind:<18} {data}"
