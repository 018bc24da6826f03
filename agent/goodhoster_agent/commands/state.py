"""`goodhoster state …`: back up the state directory, restore it, check it."""

from __future__ import annotations

from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from goodhoster.errors import AuditError, RefusedError
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
    print_json,
    print_line,
    read_settings,
    warn_of,
)

app = typer.Typer(no_args_is_help=True, help="Back up, restore and check the state directory.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command("backup")
def backup_command(
    file: FileArgument,
    config: ConfigOption = None,
    *,
    keys: Annotated[
        bool, typer.Option("--with-keys", help="With keys and tokens: whoever has the backup has them.")
    ] = False,
    reason: OptionalReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write everything that cannot be made again into one file, while the daemon runs.

    Without --with-keys a restored host misses its keys, and says so. What is in quarantine on the customers' disks is
    not in it: back those disks up with their .goodhoster directories.
    """
    from goodhoster.assembly.state import audit_log
    from goodhoster_agent.state_backup import back_up

    settings = read_settings(config)
    try:
        with closing(audit_log(settings)) as log:
            note_order(log, "state backup" + " --with-keys" * keys, reason)
    except AuditError as error:  # a backup is wanted above all where the disk fails
        warn_of([f"this backup is not in the audit log: {error}"])
    backup = back_up(settings.state_dir, file, version("goodhoster"), keys=keys)
    found = {"file": str(file), "files": len(backup.files), "made_at": backup.made_at, "keys": backup.keys}
    if as_json:
        print_json(found)
    else:
        print(f"{file}: {len(backup.files)} files{', keys among them' if keys else ', without keys'}")


@app.command("restore")
def restore_command(
    file: FileArgument,
    config: ConfigOption = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Move the present state directory aside.")] = False,
    reason: OptionalReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the state directory; the daemon must not run.

    Every file is compared first. The index is made anew at the next start, which compares quarantine, log and record.
    """
    from goodhoster.assembly.state import audit_log, lost_parts
    from goodhoster_agent.daemon_lock import running_daemon
    from goodhoster_agent.state_backup import restore

    settings = read_settings(config)
    state_dir = settings.state_dir
    if (process := running_daemon(state_dir)) is not None:
        raise RefusedError(f"a daemon is using {state_dir} (process {process})", hint="systemctl stop goodhoster")
    restored = restore(file, state_dir, replace=replace)
    backup, aside, kept = restored.backup, restored.aside, restored.keys_kept
    with closing(audit_log(settings)) as log:  # the one that is there now
        note_order(log, "state restore", reason, made_at=backup.made_at)
    found = {"state_dir": str(state_dir), "files": len(backup.files), "made_at": backup.made_at}
    if as_json:
        found |= {"aside": str(aside) if aside else None, "keys_kept": list(kept)}
        print_json(found | {"missing": lost_parts(settings)})
        return
    print(f"{state_dir}: {len(backup.files)} files of {backup.made_at}")
    if aside:
        print(f"what was there is now {aside}")
    if kept:
        print(f"the backup has no keys; those that were there stay in use: {', '.join(kept)}")
    if missing := lost_parts(settings):
        print("\n".join(missing))
    print("next: goodhoster state check, then start the daemon")


@app.command("accept-loss")
def accept_loss_command(
    name: Annotated[str, typer.Argument(help="The file, as `state check` names it, such as audit.key.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Accept that a database, key or list is lost for good, and begin a new one.

    The audit log says so. With a new audit.key nobody who trusts the old one can follow: publish the new public keys
    (goodhoster audit keys). Of a database that is accepted as lost nothing comes back later.
    """
    from goodhoster.assembly.state import accept_loss
    from goodhoster.model.cases import Order

    accept_loss(read_settings(config), name, Order(current_user(), reason))
    print_json({"accepted": name}) if as_json else print_line(
        f"{name}: the loss is accepted, a new one takes its place"
    )


@app.command("check")
def check_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Check every database and the audit log; exit code 1 when something is not whole."""
    from goodhoster.assembly.audit import verify_audit_log
    from goodhoster.assembly.evidence_services import damaged_evidence
    from goodhoster.assembly.state import lost_with_counts
    from goodhoster_agent.state_backup import damaged_databases

    settings = read_settings(config)
    problems = [*damaged_databases(settings.state_dir), *lost_with_counts(settings), *damaged_evidence(settings)]
    check = verify_audit_log(settings)
    finding = check.finding
    if not finding.ok:
        problems.append(f"audit.log: {finding.problem}")
    problems += check.missing
    if as_json:
        unchecked = list(check.unchecked)
        print_json({"ok": not problems, "problems": problems, "entries": finding.entries, "unchecked": unchecked})
    elif check.unchecked and not problems:
        print(f"every database is whole; the audit log has {finding.entries:,} entries")
    else:
        print("\n".join(problems) or f"every database is whole; so is the audit log, {finding.entries:,} entries")
    warn_of(f"could not be compared: {trouble}" for trouble in check.unchecked)
    raise typer.Exit(YES if problems else UNCHECKED if check.unchecked else FINE)
