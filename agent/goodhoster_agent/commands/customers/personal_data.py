"""`goodhoster customers export`, `forget` and `personal-data`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from goodhoster_agent.commands.customers.register import CustomerArgument
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    ReasonOption,
    current_user,
    open_services,
    print_json,
    print_line,
)

app = typer.Typer()
_NAMED = 5


@app.command("personal-data")
def personal_data_command(*, as_json: JsonOption = False) -> None:
    """Show what is kept of customers, why, how long, and whether `forget` erases it."""
    from goodhoster.customers.personal_data import KEPT

    for kept in KEPT:
        if as_json:
            print_json(asdict(kept))
        else:
            erased = "erased by forget" if kept.forgotten else "stays"
            print(f"{kept.what}\n  why       {kept.why}\n  how long  {kept.how_long}; {erased}")


@app.command("export")
def export_command(
    customer_id: CustomerArgument,
    *,
    to: Annotated[Path | None, typer.Option("--to", help="A new file to write; default: standard output.")] = None,
    config: ConfigOption = None,
) -> None:
    """Export everything that is held about a customer, as JSON, for the person it is about."""
    with open_services(config) as services:
        found = services.customers.personal_data.export(customer_id, current_user())
    text = json.dumps(found, indent=2)
    if to is None:
        print(text)
        return
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


@app.command("forget")
def forget_command(
    customer_id: CustomerArgument,
    *,
    reason: ReasonOption,
    preview: Annotated[bool, typer.Option("--preview", help="Print what would be erased, and erase nothing.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase what is held about a customer whose contract has ended.

    The log is unlinked from the customer, and stays whole.
    """
    with open_services(config) as services:
        found = services.customers.personal_data.forget(customer_id, current_user(), reason, preview=preview)
    if as_json:
        print_json(asdict(found) | {"rows": dict(found.rows)})
        return
    print_line(f"{found.customer}: {'erased' if found.done else 'would be erased'}")
    for table, count in found.rows.items():
        print_line(f"  {table:<24} {count}")
    print_line(
        f"  {'unlinked' if found.done else 'would be unlinked':<24} {found.cases} cases, and entries of the audit log"
    )
    if found.kept:
        named = ", ".join(found.kept[:_NAMED])
        why = "whose files lie in quarantine or, left or put back, are still online, or that a hold, an appeal or an"
        print_line(f"  kept as they are: {len(found.kept)} cases {why} order wants kept: {named}")
        print_line("    run the command again when their files are gone and that is over")
    if found.notices_kept:
        named = ", ".join(found.notices_kept[:_NAMED])
        print_line(
            f"  kept as they are: {len(found.notices_kept)} notices with a URL that is still needed: {named}; the same"
        )
    print(
        "  stays: notices as they were received and letters to others, until [retention] deletes them; entries of the"
    )
    print("         log that name the customer in plain; backups, which hold")
    print("         what is erased here until they are overwritten")
