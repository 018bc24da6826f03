"""`goodhoster evidence …`: sealed copies of what was taken offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster_agent.commands.listing import Column, CsvOption, local_time, print_list
from goodhoster_agent.commands.options import (
    UNCHECKED,
    ConfigOption,
    JsonOption,
    ReasonOption,
    current_person,
    open_services,
    print_json,
    print_line,
    required_reason,
    warn_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from goodhoster.assembly.services import Services
    from goodhoster.errors import EvidenceError
    from goodhoster.evidence.sealing.custody import CustodyDesk, PersonalOrder
    from goodhoster.model.sealed_evidence import SealedEvidence, TwoPersonRequest

app = typer.Typer(no_args_is_help=True, help="List, export, hold and destroy sealed copies of what was taken offline.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the evidence, as `evidence list` shows it.")]
ConfirmOption = Annotated[bool, typer.Option("--confirm", help="Confirm what another person asked for.")]
StateOption = Annotated[str, typer.Option("--state", help="Only sealed, held, due, destroyed or missing ones.")]
CaseOption = Annotated[str, typer.Option("--case", help="Only those of this case.")]


@app.command("list")
def list_command(
    state: StateOption = "",
    case: CaseOption = "",
    config: ConfigOption = None,
    *,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List sealed evidence, oldest first, with its state, and what waits for a second person.

    Exit code 3 where what is written of a piece is damaged or gone: it is named, and the others are listed.
    """
    from goodhoster.model.sealed_evidence import EvidenceState

    if state and state not in set(EvidenceState):
        raise typer.BadParameter(f"one of {', '.join(EvidenceState)}", param_hint="--state")
    with open_services(config) as services:
        errors: list[EvidenceError] = []
        found = _found(services, state, case, errors)
        print_list(found, _COLUMNS, _as_object, as_json=as_json, as_csv=as_csv)
        warn_of(f"{error}; {error.hint}" for error in errors)
    if errors:
        raise typer.Exit(UNCHECKED)


@app.command("hold")
def hold_command(
    evidence_id: IdArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Put a legal hold on evidence: nothing destroys it until the hold is released."""
    with open_services(config) as services:
        held = _desk(services).hold(_whole_id(services, evidence_id), _order(reason))
        _print_result(held, "is on hold", as_json=as_json)


@app.command("release")
def release_command(
    evidence_id: IdArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Release the holds on evidence: its retention counts again."""
    with open_services(config) as services:
        released = _desk(services).release(_whole_id(services, evidence_id), _order(reason))
        _print_result(released, "is not on hold any more", as_json=as_json)


@app.command("export")
def export_command(
    evidence_id: IdArgument,
    *,
    to: Annotated[Path | None, typer.Option("--to", help="New directory for the copy; with --confirm.")] = None,
    reason: ReasonOption,
    confirm: ConfirmOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy evidence, still encrypted, into a new directory.

    Needs two persons: one asks, another confirms.
    """
    from goodhoster.assembly.audit import ExportOrder, export
    from goodhoster.model.sealed_evidence import TwoPersonAction

    if confirm != (to is not None):
        raise typer.BadParameter("the person who confirms names a new directory", param_hint="--to")
    with open_services(config) as services:
        desk, whole_id, order = _desk(services), _whole_id(services, evidence_id), _order(reason)
        if to is None:
            _print_requested(desk.ask(whole_id, TwoPersonAction.EXPORT, order), "export", as_json=as_json)
            return
        of_case = ExportOrder(services.evidence.store.get(whole_id).manifest.case)
        exported = desk.export(whole_id, to, order, lambda new: export(services.settings, of_case, new / "audit-log"))
        _print_result(exported, f"is in {to}, with its entries of the audit log", as_json=as_json)


@app.command("destroy")
def destroy_command(
    evidence_id: IdArgument,
    *,
    reason: ReasonOption,
    confirm: ConfirmOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy evidence for good. Final, and needs two persons: one asks, another confirms."""
    from goodhoster.model.sealed_evidence import TwoPersonAction

    with open_services(config) as services:
        desk, whole_id, order = _desk(services), _whole_id(services, evidence_id), _order(reason)
        if not confirm:
            _print_requested(desk.ask(whole_id, TwoPersonAction.DESTROY, order), "destroy", as_json=as_json)
            return
        words = "is destroyed here; exported copies and backups are not reached"
        _print_result(desk.destroy(whole_id, order), words, as_json=as_json)


@app.command("recipients")
def recipients_command(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why they change, for the audit log.")] = "",
    confirm: ConfirmOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who can open evidence, or change that.

    With --reason: ask for those that are configured now, or confirm that.
    """
    from goodhoster.assembly.evidence_services import checked_recipients

    if confirm:
        required_reason(reason)
    with open_services(config) as services:
        desk, configured = _desk(services), checked_recipients(services.settings)
        if confirm:
            in_force = desk.change_recipients(configured, _order(reason))
        elif reason.strip():
            in_force = desk.ask_recipients(configured, _order(reason))
        else:
            in_force = services.evidence.store.in_force()
    waits = _request_as_object(in_force.request) if in_force.request else None
    found = {"in_force": list(in_force.recipients), "configured": list(configured), "request": waits}
    if as_json:
        print_json(found)
        return
    for recipient in in_force.recipients:
        print_line(f"sealed to   {recipient}")
    for recipient in sorted(set(configured) - set(in_force.recipients)):
        print_line(f"configured  {recipient}" + ("" if in_force.recipients else " (from the first sealing on)"))
    if in_force.request:
        print_line(
            f"{in_force.request.person.name} asked for the change; another person confirms it: --confirm --reason …"
        )


def _desk(services: Services) -> CustodyDesk:
    return services.evidence.custody


def _order(reason: str) -> PersonalOrder:
    from goodhoster.evidence.sealing.custody import PersonalOrder

    return PersonalOrder(current_person(), reason)


def _whole_id(services: Services, part: str) -> str:
    return services.evidence.store.complete(part)


def _found(services: Services, state: str, case: str, errors: list[EvidenceError]) -> Iterator[SealedEvidence]:
    """The pieces that are asked for; those that cannot be read come among the errors."""
    from goodhoster.errors import EvidenceError

    for evidence in services.evidence.store.each() if services.evidence.in_use else ():
        if isinstance(evidence, EvidenceError):
            errors.append(evidence)
        elif state in {"", evidence.state} and case in {"", evidence.manifest.case}:
            yield evidence


def _print_result(evidence: SealedEvidence, words: str, *, as_json: bool) -> None:
    print_json(_as_object(evidence)) if as_json else print_line(f"evidence {evidence.manifest.id} {words}")


def _print_requested(evidence: SealedEvidence, verb: str, *, as_json: bool) -> None:
    command = f"goodhoster evidence {verb} {evidence.manifest.id} --confirm --reason …"
    words = f"waits for a second person, with an account of their own, within 7 days: {command}"
    _print_result(evidence, words + (" --to NEW-DIRECTORY" if verb == "export" else ""), as_json=as_json)


def _as_object(evidence: SealedEvidence) -> dict[str, Any]:
    manifest, custody = evidence.manifest, evidence.custody
    return {
        "id": manifest.id,
        "case": manifest.case,
        "kind": manifest.kind.value,
        "state": evidence.state.value,
        "sealed_at": manifest.sealed_at.isoformat(),
        "keep_until": manifest.keep_until.isoformat(),
        "due_at": custody.due_at.isoformat() if custody.due_at else None,
        "destroyed_at": custody.destroyed_at.isoformat() if custody.destroyed_at else None,
        "sha256": manifest.sha256,
        "size": manifest.size,
        "ciphertext_sha256": manifest.ciphertext_sha256,
        "recipients": list(manifest.recipients),
        "holds": [{"person": one.person, "reason": one.reason, "at": one.at.isoformat()} for one in custody.holds],
        "requests": list(map(_request_as_object, custody.requests)),
    }


def _request_as_object(request: TwoPersonRequest) -> dict[str, Any]:
    return {
        "action": request.action.value,
        "person": request.person.name,
        "reason": request.reason,
        "at": request.at.isoformat(),
    }


def _waits(evidence: SealedEvidence) -> str:
    return ", ".join(f"{one.action} asked by {one.person.name}" for one in evidence.custody.requests)


_COLUMNS: tuple[Column[SealedEvidence], ...] = (
    Column("ID", lambda evidence: evidence.manifest.id),
    Column("KIND", lambda evidence: evidence.manifest.kind),
    Column("STATE", lambda evidence: evidence.state),
    Column("SEALED", lambda evidence: local_time(evidence.manifest.sealed_at)),
    Column("KEPT UNTIL", lambda evidence: local_time(evidence.manifest.keep_until)),
    Column("BYTES", lambda evidence: f"{evidence.manifest.size:,}"),
    Column("WAITS FOR A SECOND PERSON", _waits),
)
