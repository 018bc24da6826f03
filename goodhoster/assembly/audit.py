"""The audit log with its proofs: checkpoints, and the comparison with the record."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.errors import AuditError, ConfigurationError, GoodhosterError
from goodhoster.linux.durable_files import replace_durably

if TYPE_CHECKING:
    from goodhoster.audit.anchoring import Anchored, Anchors
    from goodhoster.audit.checkpoints import Checkpoints
    from goodhoster.audit.export import Exported
    from goodhoster.audit.log import FileAuditLog
    from goodhoster.audit.verification import VerifiedPart
    from goodhoster.audit.verify import Key, Policy, SignedNote
    from goodhoster.audit.witness import Witness
    from goodhoster.model.audit import AuditFinding, AuditMark
    from goodhoster.ports.proof import TimestampAuthority
    from goodhoster.settings import Settings
    from goodhoster.settings.audit import TimestampSettings

_VERIFIED = "audit.verified"
_WHOLE_EVERY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LogCheck:
    """The result of a verification, and what could not be compared."""

    finding: AuditFinding
    unchecked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Records that the log speaks of and that are not there, in words."""
    part: VerifiedPart | None = None
    """What is verified now; the next verification may go on behind it."""
    whole: bool = True
    """Whether all of the log was read."""


@dataclass(frozen=True, slots=True)
class LastVerification:
    """When the log was last verified, and what was found."""

    at: datetime
    ok: bool
    entries: int
    whole_at: datetime | None = None
    """When all of it was last read and found whole."""
    part: VerifiedPart | None = None


def note_verification(settings: Settings, check: LogCheck) -> None:
    """Remember a verification for `metrics`, and for the next one.

    Where that cannot be written, it is as if there had been none.
    """
    from goodhoster.audit.verification import encode_part

    now, before = datetime.now(UTC), last_verification(settings)
    found: dict[str, object] = {"at": now.isoformat(), "ok": check.finding.ok, "entries": check.finding.entries}
    whole_at = now if check.whole else before.whole_at if before else None
    if check.finding.ok and check.part and whole_at:
        found |= {"whole_at": whole_at.isoformat(), "part": encode_part(check.part)}
    with suppress(OSError):
        replace_durably(settings.state_dir / _VERIFIED, (json.dumps(found).encode(),))


def last_verification(settings: Settings) -> LastVerification | None:
    """The last verification; None when there was none, or it cannot be read."""
    from goodhoster.audit.verification import decode_part

    try:
        found = json.loads((settings.state_dir / _VERIFIED).read_text(encoding="utf-8"))
        at, ok, entries = datetime.fromisoformat(found["at"]), bool(found["ok"]), int(found["entries"])
        if "part" not in found:
            return LastVerification(at, ok, entries)
        whole_at = datetime.fromisoformat(found["whole_at"])
        return LastVerification(at, ok, entries, whole_at, decode_part(found["part"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def verify_what_is_new(settings: Settings, between: Callable[[], None]) -> LogCheck:
    """Verify the entries since the last verification.

    All of them once a week, and after one that failed.

    `between` is called every few thousand entries: it may wait, or raise to end it.
    """
    from goodhoster.assembly.state import file_audit_log
    from goodhoster.audit.verification import VerifiedPart

    part, last, now = VerifiedPart(), last_verification(settings), datetime.now(UTC)
    if last and last.part and last.whole_at and timedelta() <= now - last.whole_at < _WHOLE_EVERY:
        part = last.part
    own = _comparison(settings)
    finding, verified = file_audit_log(settings).verify_behind(part, own.marks, own.cases, between)
    return LogCheck(finding, own.unchecked, (), verified, whole=not part.end.entries)


def checkpoints(settings: Settings) -> Checkpoints:
    """The checkpoints of the audit log."""
    from goodhoster.assembly.state import file_audit_log, make_state_dir
    from goodhoster.audit.checkpoints import Checkpoints
    from goodhoster.ports.common import utc_now

    return Checkpoints(file_audit_log(settings), make_state_dir(settings.state_dir), utc_now)


def anchors(settings: Settings) -> Anchors:
    """The witnesses and timestamp authorities of the log.

    ConfigurationError when a policy or certificate cannot be read.
    """
    from goodhoster.adapters.anchors.witness import HttpWitness
    from goodhoster.audit.anchoring import Anchors

    authorities = [_authority(each) for each in settings.timestamps]
    if settings.audit.witnesses is None:
        return Anchors(authorities=authorities)
    policy = policy_in(settings.audit.witnesses)
    witnesses = {
        key: HttpWitness(policy.urls[key.vkey]) for key in policy.witnesses.values() if key.vkey in policy.urls
    }
    return Anchors(policy, witnesses, authorities)


def policy_in(file: Path) -> Policy:
    """The trust policy in a file. ConfigurationError when it holds none."""
    from goodhoster.audit.verify import NotVerifiedError, Policy

    try:
        return Policy.read(file.read_bytes())
    except (OSError, NotVerifiedError) as error:
        hint = "see docs/how-to-audit.md, and c2sp.org/tlog-policy"
        raise ConfigurationError(f"{file} holds no policy: {error}", hint=hint) from error


def issue(settings: Settings) -> Anchored:
    """Sign a checkpoint of the log now, and have it cosigned and timestamped.

    As far as that can be had.
    """
    from goodhoster.audit.anchoring import anchor

    book = checkpoints(settings)
    return anchor(book, book.issue(origin(settings)), anchors(settings))


def witness(settings: Settings) -> Witness:
    """Our own witness, for other hosters' logs.

    ConfigurationError when one of their keys is none.
    """
    from goodhoster.assembly.state import make_state_dir
    from goodhoster.audit.verify import Key, NotVerifiedError
    from goodhoster.audit.witness import Witness
    from goodhoster.ports.common import utc_now

    try:
        logs = [Key.read(vkey) for vkey in settings.witness.logs]
    except NotVerifiedError as error:
        raise ConfigurationError(f"[witness] logs: {error}", hint="goodhoster audit keys prints them there") from error
    return Witness(witness_name(settings), logs, make_state_dir(settings.state_dir) / "witness", utc_now)


def witness_name(settings: Settings) -> str:
    """The name that our witness gets with its first keys."""
    return settings.witness.name or f"{socket.gethostname()}/witness"


def _authority(timestamp: TimestampSettings) -> TimestampAuthority:
    try:
        from goodhoster.adapters.anchors.rfc3161 import Rfc3161Authority
    except ImportError as error:
        hint = "install goodhoster with the extra timestamps"
        raise ConfigurationError("[[timestamp]] needs the package rfc3161-client", hint=hint) from error
    return Rfc3161Authority(timestamp.name, timestamp.url, timestamp.certificates)


def origin(settings: Settings) -> str:
    """The name that a log gets with its first keys."""
    return settings.audit.origin or f"{socket.gethostname()}/goodhoster"


def verify_audit_log(settings: Settings, files: Sequence[Path] = ()) -> LogCheck:
    """Verify the whole log against its checkpoints and the record of cases.

    It is compared with its own newest checkpoint, with the checkpoints in the files, and with the record: each of
    its cases has an entry at least. What the log speaks of must be in the record, too. AuditError when a file holds no
    checkpoint, or an altered one.
    """
    from goodhoster.assembly.state import file_audit_log
    from goodhoster.audit.checkpoints import mark_of
    from goodhoster.audit.verification import VerifiedPart

    marks: list[AuditMark] = []
    unchecked: list[str] = []
    for file in files:
        note = note_in(file)
        marks.append(mark_of(note, f"the checkpoint {file}"))
        if not _signed_by(note, checkpoints(settings).known_keys(), file):
            unchecked.append(f"{file} is signed by none of the keys that this log ever had")
    own = _comparison(settings)
    log = file_audit_log(settings)
    finding, part = log.verify_behind(VerifiedPart(), [*marks, *own.marks], own.cases)
    missing: Sequence[str] = ()
    if finding.ok:
        try:
            missing = _missing(settings, log)
        except GoodhosterError as error:
            unchecked.append(str(error))
    return LogCheck(finding, (*unchecked, *own.unchecked), tuple(missing), part)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What the log must agree with, and what of that could not be read."""

    marks: Sequence[AuditMark]
    cases: int
    unchecked: tuple[str, ...]


def _comparison(settings: Settings) -> _Comparison:
    """Our own newest checkpoint and the record."""
    marks: list[AuditMark] = []
    unchecked: list[str] = []
    cases = 0
    try:
        marks = _own_marks(settings)
        unchecked += _lost_keys(settings)
    except AuditError as error:
        unchecked.append(str(error))
    try:
        cases = _cases(settings)
    except GoodhosterError as error:
        unchecked.append(str(error))
    return _Comparison(marks, cases, tuple(unchecked))


def _missing(settings: Settings, log: FileAuditLog) -> list[str]:
    """The records that the log speaks of and that are not there, in words."""
    from goodhoster.adapters.stores.known_ids import known_ids
    from goodhoster.assembly.state import pseudonyms
    from goodhoster.audit.mentions import missing_records
    from goodhoster.linux.state_manifest import hint_of
    from goodhoster.model.audit import RECORD_KINDS
    from goodhoster.model.pseudonyms import is_token

    found = missing_records(log.lines(), known_ids(settings.state_dir))
    keys = pseudonyms(settings)
    try:
        named = keys.values({one.customer for one in found if is_token(one.customer)})
    finally:
        keys.close()
    texts = []
    for kind in RECORD_KINDS:
        gone = [one for one in found if one.kind is kind]
        if kind.database == "customers.sqlite":  # of a customer who was forgotten nothing stays there
            gone = [one for one in gone if not is_token(one.customer) or one.customer in named]
        if gone:
            first = gone[0]
            texts.append(
                f"the log speaks of {len(gone):,} {kind.plural} that {kind.database} does not have, first of {first.id}"
                f" (entry {first.entry}): {hint_of(kind.database)}"
            )
    return texts


def _own_marks(settings: Settings) -> list[AuditMark]:
    """Of our own newest checkpoint.

    Without one the cryptography is not loaded, which takes 9 MB.
    """
    from goodhoster.audit.lost_keys import CHECKPOINT

    if not (settings.state_dir / CHECKPOINT).exists():
        return []
    return checkpoints(settings).marks()


def _lost_keys(settings: Settings) -> list[str]:
    """Whether the keys of the log are lost, in words; the log is not read for it."""
    from goodhoster.audit.lost_keys import KEY_FILE, trace_of_lost_keys
    from goodhoster.linux.state_manifest import hint_of

    if not trace_of_lost_keys(settings.state_dir):
        return []
    file = settings.state_dir / KEY_FILE
    return [f"the log's signature: its keys are lost, there is no {file}; {hint_of(KEY_FILE)}"]


def _signed_by(note: SignedNote, keys: Sequence[Key], file: Path) -> bool:
    """Whether one of these keys signed the note; False when none of them did.

    AuditError when one did, and the text is another by now.
    """
    from goodhoster.audit.verify import NotVerifiedError

    try:
        return bool(note.verify(keys))
    except NotVerifiedError as error:
        raise AuditError(f"the checkpoint {file} is not as it was signed: {error}", hint="use another copy") from error


def note_in(file: Path) -> SignedNote:
    """The signed note in a file. AuditError when it holds none."""
    from goodhoster.audit.verify import NotVerifiedError, SignedNote

    try:
        return SignedNote.read(file.read_bytes())
    except (OSError, NotVerifiedError) as error:
        raise AuditError(
            f"{file} holds no checkpoint: {error}", hint="goodhoster audit checkpoint writes one"
        ) from error


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What to export of the log, and against what it is proven beside a checkpoint made now."""

    case: str
    since: tuple[Path, ...] = ()
    """Earlier checkpoints."""
    names: bool = True
    """Whether it says whom and what its references stand for."""


def export(settings: Settings, order: ExportOrder, directory: Path) -> tuple[Exported, Anchored]:
    """Write the log entries of a case into a new directory, against a checkpoint made now."""
    from goodhoster.assembly.state import pseudonyms
    from goodhoster.audit.export import Wanted, export_case

    book, anchored = checkpoints(settings), issue(settings)
    policy = replace(anchors(settings).policy, logs=book.policy().logs)
    keys = pseudonyms(settings) if order.names else None
    earlier = tuple(map(note_in, order.since))
    wanted = Wanted(order.case, anchored.note, policy, earlier, anchored.timestamps, keys)
    try:
        return export_case(book, wanted, directory), anchored
    finally:
        if keys:
            keys.close()


def _cases(settings: Settings) -> int:
    """The number of cases in the record."""
    from goodhoster.adapters.stores.cases import SqliteCaseStore
    from goodhoster.assembly.state import make_state_dir
    from goodhoster.ports.cases import CaseQuery

    file = make_state_dir(settings.state_dir) / "record.sqlite"
    if not file.exists():
        return 0
    with closing(SqliteCaseStore(file)) as store:
        return store.count(CaseQuery())
