"""The audit log with what vouches for it: checkpoints, and what the record knows."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.assembly.state import file_audit_log, make_state_dir
from goodhoster.audit.checkpoints import Checkpoints, mark_of
from goodhoster.audit.export import Exported, Wanted, export_case
from goodhoster.audit.log import utc_now
from goodhoster.audit.verify import Note, NotVerifiedError
from goodhoster.errors import AuditError, GoodhosterError
from goodhoster.model.audit import AuditFinding, AuditMark
from goodhoster.ports.cases import CaseQuery
from goodhoster.settings import Settings


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What verification found, and what could not be compared."""

    finding: AuditFinding
    unchecked: tuple[str, ...] = ()


def checkpoints(settings: Settings) -> Checkpoints:
    """What is signed about the audit log."""
    return Checkpoints(file_audit_log(settings), make_state_dir(settings.state_dir), utc_now)


def origin(settings: Settings) -> str:
    """The name that a log gets with its first keys."""
    return settings.audit.origin or f"{socket.gethostname()}/goodhoster"


def verify_audit_log(settings: Settings, files: Sequence[Path] = ()) -> LogCheck:
    """Read the whole log and compare it with its own newest checkpoint, with the checkpoints in the files, and with the
    record: each of its cases has an entry at least. AuditError when a file is no checkpoint.
    """
    book = checkpoints(settings)
    marks, unchecked = [mark_in(file) for file in files], []
    try:
        marks += book.marks()
    except AuditError as error:
        unchecked.append(str(error))
    cases = 0
    try:
        cases = _cases(settings)
    except GoodhosterError as error:
        unchecked.append(str(error))
    return LogCheck(book.log.verify(marks, at_least=cases), tuple(unchecked))


def mark_in(file: Path) -> AuditMark:
    """What the checkpoint in a file says. AuditError when it holds none."""
    return mark_of(note_in(file), f"the checkpoint {file}")


def note_in(file: Path) -> Note:
    """The signed note in a file. AuditError when it holds none."""
    try:
        return Note.read(file.read_bytes())
    except (OSError, NotVerifiedError) as error:
        raise AuditError(
            f"{file} holds no checkpoint: {error}", hint="goodhoster audit checkpoint writes one"
        ) from error


def export(settings: Settings, case: str, directory: Path, since: Sequence[Path] = ()) -> Exported:
    """Write what the log says of a case into a new directory, against a checkpoint of now."""
    book = checkpoints(settings)
    note = book.issue(origin(settings))
    return export_case(book, Wanted(case, note, book.policy(), tuple(map(note_in, since))), directory)


def _cases(settings: Settings) -> int:
    """How many the record has."""
    file = make_state_dir(settings.state_dir) / "record.sqlite"
    if not file.exists():
        return 0
    with closing(SqliteCaseStore(file)) as store:
        return store.count(CaseQuery())
