"""`goodhoster audit …`: verify, show and prove the audit log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.audit import (
    ExportOrder,
    LogCheck,
    checkpoints,
    export,
    issue,
    note_verification,
    verify_audit_log,
)
from goodhoster.assembly.reports.outcomes import OutcomeCheck, check_outcomes
from goodhoster.assembly.state import AUDIT_FILE, audit_log
from goodhoster.audit.anchoring import Anchored
from goodhoster.audit.following import LogFollower, position_of_last
from goodhoster.audit.verify import Checkpoint, SignedNote
from goodhoster.model.audit import AuditEntry
from goodhoster.ports.common import GrowingLog
from goodhoster.settings import Settings
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    ReasonOption,
    current_user,
    note_order,
    open_services,
    print_json,
    print_line,
    read_settings,
    warn_of,
)

_LAST = 10
"""Entries that are shown before the new ones."""
_POLL_SECONDS = 0.5  # seconds

app = typer.Typer(no_args_is_help=True, help="Verify, show, export and sign the audit log.")

EarlierOption = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere; may be given again.", show_default=False),
]
SinceOption = Annotated[
    list[Path] | None,
    typer.Option("--since", help="Prove also that nothing changed since this checkpoint.", show_default=False),
]
CaseOption = Annotated[str, typer.Option("--case", help="The case.")]
DirectoryOption = Annotated[Path, typer.Option("--to", help="A new directory.")]


@app.command("verify")
def verify_command(
    checkpoint: EarlierOption = None, config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Read the whole log; exit code 1 when an entry is not as it was written, or one is missing.

    So too when it speaks of cases, notices, suspensions, steps or appeals that are not in the record any more.
    """
    settings = read_settings(config)
    check = verify_audit_log(settings, checkpoint or ())
    note_verification(settings, check)
    print_json(_finding_as_object(check)) if as_json else _print_finding(check, len(checkpoint or ()))
    warn_of(f"could not be compared: {trouble}" for trouble in check.unchecked)
    if not check.finding.ok or check.missing:
        raise typer.Exit(YES)
    raise typer.Exit(UNCHECKED if check.unchecked else FINE)


@app.command("show")
def show_command(
    case: Annotated[str, typer.Option("--case", help="Only the entries that name this case.")] = "",
    config: ConfigOption = None,
    *,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Show the last ten, all of a case, and then each new one, until Ctrl-C."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every entry, oldest first, with whom and what its references stand for.

    What stands there as forgotten-… has no key any more: nobody can tell.
    """
    settings = read_settings(config)
    with closing(audit_log(settings)) as log:
        for entry in _followed(settings, log, whole=bool(case)) if follow else log.entries():
            if case and entry.event.data.get("case") != case:
                continue
            print_json(_as_object(entry)) if as_json else print_line(_as_text(entry))
            if follow:
                sys.stdout.flush()


def _followed(settings: Settings, log: GrowingLog, *, whole: bool) -> Iterator[AuditEntry]:
    """The last entries, or all, and then each as it becomes durable; never ends by itself."""
    file = settings.state_dir / AUDIT_FILE
    follower = LogFollower(log, file, 0 if whole else position_of_last(file, _LAST, log.durable_size()))
    away = False
    while True:
        yield from follower.new()
        if follower.replaced:
            warn_of([f"{file} is another log than before: shown from its beginning"])
        if away is file.exists():
            away = not away
            warn_of([f"{file} is not there: waiting for it"] if away else [])
        time.sleep(_POLL_SECONDS)


@app.command("outcomes")
def outcomes_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Compare record, log, index and quarantine: has every match exactly one proven outcome?

    Exit code 1 when one has none, 3 when a part cannot be compared.
    """
    with open_services(config) as services:
        check = check_outcomes(services)
    print_json(_outcomes_as_object(check)) if as_json else _print_outcomes(check)
    warn_of(f"could not be compared: {trouble}" for trouble in check.unchecked)
    if check.comparison.findings:
        raise typer.Exit(YES)
    raise typer.Exit(UNCHECKED if check.unchecked else FINE)


@app.command("checkpoint")
def checkpoint_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Sign and print a checkpoint of the log as it stands now.

    Keep it elsewhere: it shows later whether the past was changed. Witnesses and timestamp authorities that are
    configured confirm it. Exit code 1 when one of them knows that the log was another, 3 when one cannot be asked.
    """
    anchored = issue(read_settings(config))
    _print_checkpoint(anchored.note, as_json=as_json)
    _print_confirmations(anchored)


@app.command("keys")
def keys_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Print the public keys that the checkpoints are signed with.

    Publish them, so that others can verify.
    """
    for key in checkpoints(read_settings(config)).policy().logs:
        print_json({"key": key.vkey}) if as_json else print_line(key.vkey)


@app.command("change-keys")
def change_keys_command(reason: ReasonOption, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Sign with new keys from now on; the old ones sign that, and are removed."""
    note = checkpoints(read_settings(config)).change_keys(reason, current_user())
    _print_checkpoint(note, as_json=as_json)


@app.command("export")
def export_command(
    case: CaseOption,
    to: DirectoryOption,
    since: SinceOption = None,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    without_names: Annotated[
        bool, typer.Option("--without-names", help="Leave out whom and what the references in the entries stand for.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Export the log entries of a case, with proofs.

    The directory also contains the program that verifies them without goodhoster.
    """
    order = ExportOrder(case, tuple(since or ()), names=not without_names)
    settings = read_settings(config)
    with closing(audit_log(settings)) as log:
        note_order(log, "audit export", reason, case=case)
    done, anchored = export(settings, order, to)
    if as_json:
        size, root = done.checkpoint.size, done.checkpoint.root.hex()
        print_json({"case": case, "directory": str(to), "entries": done.entries, "size": size, "root": root})
    else:
        print_line(
            f"{done.entries} entries of {done.checkpoint.size:,} in {to}; to verify: python3 {to}/verify.py {to}"
        )
    _print_confirmations(anchored)


def _print_confirmations(anchored: Anchored) -> None:
    """Report what witnesses and timestamp authorities answered, or that they could not be asked."""
    warn_of(f"ALARM: {alarm}" for alarm in anchored.alarms)
    warn_of(anchored.troubles)
    if anchored.alarms:
        raise typer.Exit(YES)
    if anchored.troubles:
        raise typer.Exit(UNCHECKED)


def _print_checkpoint(note: SignedNote, *, as_json: bool) -> None:
    checkpoint, text = Checkpoint.read(note.text), note.write().decode()
    if as_json:
        names = {"origin": checkpoint.origin, "entries": checkpoint.size, "root": checkpoint.root.hex()}
        print_json(names | {"checkpoint": text})
    else:
        print(text, end="")


def _finding_as_object(check: LogCheck) -> dict[str, Any]:
    finding = check.finding
    return {
        "entries": finding.entries,
        "size": finding.size,
        "root": finding.root,
        "ok": finding.ok,
        "first_bad": finding.first_bad,
        "problem": finding.problem,
        "clock_set_back": list(finding.clock_set_back),
        "missing": list(check.missing),
        "unchecked": list(check.unchecked),
    }


def _print_finding(check: LogCheck, compared: int) -> None:
    finding = check.finding
    if not finding.ok:
        print_line(f"NOT whole from entry {finding.first_bad} on: {finding.problem}")
        return
    with_them = f", as {compared} checkpoints have it" if compared else ""
    print_line(f"whole: {finding.entries:,} entries, {finding.size:,} bytes, root {finding.root}{with_them}")
    for missing in check.missing:
        print_line(missing)
    for number in finding.clock_set_back:
        print_line(f"entry {number} is older than the one before it: the clock was set back")


def _outcomes_as_object(check: OutcomeCheck) -> dict[str, Any]:
    comparison = check.comparison
    without = [
        {
            "problem": finding.problem,
            "case": finding.case or None,
            "customer": finding.customer,
            "path": finding.path,
            "why": finding.why,
            "next": finding.next_step,
        }
        for finding in comparison.findings
    ]
    counts = {"matches": comparison.matches, "outcomes": dict(comparison.outcomes)}
    return counts | {"without": without, "unchecked": list(check.unchecked)}


def _print_outcomes(check: OutcomeCheck) -> None:
    comparison = check.comparison
    counts = ", ".join(f"{count:,} {state}" for state, count in sorted(comparison.outcomes.items()))
    print_line(f"{comparison.matches:,} matches{': ' if counts else ''}{counts}")
    for finding in comparison.findings:
        print_line(f"{finding.problem:<22} {finding.case or '-'}  {finding.path}  {finding.why}; {finding.next_step}")
    if not comparison.findings and not check.unchecked:
        print("each of them has exactly one proven outcome")


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
    return f"{entry.number:>6}  {entry.at.astimezone():%Y-%m-%d %H:%M:%S %Z}  {entry.event.kind:<18} {data}"
