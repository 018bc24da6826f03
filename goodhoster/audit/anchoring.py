"""Anchoring of checkpoints: witnesses that cosign them and timestamp authorities.

A rollback, or a log made anew with a stolen key, cannot be shown by this machine alone, but by them: one that remembers
more than we have reports it here. That is an alarm; that one cannot be asked is only reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from goodhoster.audit.checkpoints import Checkpoints
from goodhoster.audit.verify import CONSISTENCY, Checkpoint, Key, NotVerifiedError, Policy, Proof, SignedNote
from goodhoster.errors import AuditError, GoodhosterError, PassingError, RefusedError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.ports.proof import TimestampAuthority, WitnessService


@dataclass(frozen=True, slots=True)
class Anchors:
    """The witnesses and timestamp authorities of our log."""

    policy: Policy = Policy(())  # noqa: RUF009 - frozen
    """Which witnesses there are, and how many must have cosigned."""
    witnesses: Mapping[Key, WitnessService] | None = None
    authorities: Sequence[TimestampAuthority] = ()


@dataclass(frozen=True, slots=True)
class Anchored:
    """A checkpoint with the answers of witnesses and timestamp authorities."""

    note: SignedNote
    timestamps: tuple[Path, ...] = ()
    alarms: tuple[str, ...] = ()
    """The log is not what others know that it was."""
    troubles: tuple[str, ...] = ()
    """What could not be had now."""


def anchor(checkpoints: Checkpoints, note: SignedNote, anchors: Anchors) -> Anchored:
    """Have a checkpoint cosigned and timestamped, as far as it is not yet.

    Never raises for a witness or authority that does not.
    """
    alarms: list[str] = []
    troubles: list[str] = []
    for key, service in (anchors.witnesses or {}).items():
        try:
            if key not in note.verify([key]):
                note = checkpoints.add_signatures(note, _cosigned(checkpoints, note, key, service))
        except AuditError as error:
            alarms.append(str(error))
        except (GoodhosterError, NotVerifiedError) as error:
            troubles.append(f"witness {key.name}: {error}")
    if anchors.witnesses and not alarms:
        troubles += _quorum(note, replace(anchors.policy, logs=checkpoints.policy().logs))
    timestamps = []
    for authority in anchors.authorities:
        try:
            timestamps.append(_stamped(checkpoints, note, authority))
        except GoodhosterError as error:
            troubles.append(f"timestamp authority {authority.name}: {error}")
    return Anchored(note, tuple(timestamps), tuple(alarms), tuple(troubles))


def _cosigned(
    checkpoints: Checkpoints, note: SignedNote, key: Key, service: WitnessService
) -> list[tuple[str, bytes, bytes]]:
    """The witness's signatures of the checkpoint.

    It is first asked with a proof from size 0, and answers with the size that it cosigned: the point is that it
    remembers, and not we. AuditError when the log is not what it cosigned.
    """
    size = Checkpoint.read(note.text).size
    answer = service.add_checkpoint(Proof(0, (), note).write(head=CONSISTENCY))
    if isinstance(answer, int) and answer > size:
        raise AuditError(f"rolled back: witness {key.name} has cosigned {answer:,} entries, the log has {size:,}")
    if isinstance(answer, int):
        try:
            answer = service.add_checkpoint(checkpoints.consistency(answer, note).write(head=CONSISTENCY))
        except RefusedError as error:
            message = f"rewritten: witness {key.name} does not find what it has cosigned in the log: {error}"
            raise AuditError(message) from error
    if isinstance(answer, int):
        raise PassingError("it is asked by somebody else in our name, or does not know where it stands")
    lines = SignedNote.read(note.text + b"\n" + answer)
    if key not in lines.verify([key]):
        raise NotVerifiedError("its answer is not signed with its key")
    return [each for each in lines.signatures if each[:2] == (key.name, key.id)]


def _quorum(note: SignedNote, policy: Policy) -> list[str]:
    try:
        policy.verify(note)
    except NotVerifiedError as error:
        return [str(error)]
    return []


def _stamped(checkpoints: Checkpoints, note: SignedNote, authority: TimestampAuthority) -> Path:
    """The timestamp file of exactly this checkpoint, requested now if it is not there."""
    file = checkpoints.timestamps / f"{Checkpoint.read(note.text).size:012}.{authority.name}.tsr"
    text = file.with_suffix(".text")
    if not file.exists() or not text.exists() or text.read_bytes() != note.text:
        stamp = authority.stamp(note.text)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        replace_durably(text, [note.text])
        replace_durably(file, [stamp])
    return file
