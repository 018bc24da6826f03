"""`goodhoster customers may ID upload`: the gate, for panels and scripts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goodhoster.model.customers.gates import GateAnswer, UploadAnswer
from goodhoster_agent.commands.customers.register import CustomerArgument
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    open_services,
    print_json,
    print_line,
    unchecked_where_damaged,
)

app = typer.Typer()

_EXIT_CODES = {GateAnswer.YES: FINE, GateAnswer.NO: YES, GateAnswer.UNCHECKED: UNCHECKED}
ActArgument = Annotated[str, typer.Argument(metavar="upload", help="What the customer may do: upload.")]


@app.command("may")
def may_command(
    customer_id: CustomerArgument, act: ActArgument, config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Say whether a customer may host uploads, and why: exits with 0 yes, 1 no, 3 unchecked."""
    if act != "upload":
        raise typer.BadParameter("the only thing that can be asked is: upload")
    with unchecked_where_damaged(), open_services(config) as services:
        found = services.customers.standing.gates.may_upload(customer_id)
    print_json(answer_object(customer_id, found)) if as_json else _print(customer_id, found)
    raise typer.Exit(_EXIT_CODES[found.answer])


def answer_object(customer_id: str, found: UploadAnswer) -> dict[str, Any]:
    """The object that `--json` prints, and the HTTP door answers."""
    return {
        "id": customer_id,
        "may": "upload",
        "answer": found.answer,
        "reasons": list(found.reasons),
        "observed": found.observed,
    }


def _print(customer_id: str, found: UploadAnswer) -> None:
    would = f" (mode observe; it would be {found.observed})" if found.observed else ""
    print_line(f"{customer_id}  upload: {found.answer}{would}")
    for reason in found.reasons:
        print_line(f"  {reason}")
