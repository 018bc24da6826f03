"""Rebuilding of lost cases from the labels of files in quarantine.

The record was lost, or brought back from a backup that is older than the disk, and does not know these files. Without a
case nobody could put such a file back by a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.measures import about
from goodhoster.errors import RefusedError
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Digests
from goodhoster.model.quarantine import Label
from goodhoster.model.uploads import FileState, Upload
from goodhoster.ports import CaseStore

_REASON = "found in quarantine, and not in the record: made anew from its label"


def unknown(names: Iterable[str], store: CaseStore) -> list[str]:
    """Files in quarantine that no case is about, among these."""
    return [name for name in names if not any(_is_known(case_id, store) for case_id in _case_ids(name))]


def rebuild(desk: CaseDesk, names: Iterable[str], label_of: Callable[[str], Label | None]) -> list[Case]:
    """Rebuild the case of every file in quarantine without one.

    Each is known to the audit log first. A file whose label is gone or damaged has none: `goodhoster doctor` names
    it.
    """
    rebuilt: list[Case] = []
    for name in unknown(names, desk.store):
        label = label_of(name)
        if label is None or label.case_id != name:
            continue
        with desk.session() as session:
            if unknown([name], desk.store):
                case = _case_of(label, session.now())
                session.log("case.rebuilt", **about(case), reason=case.reason)
                session.store(case)
                rebuilt.append(case)
    return rebuilt


def _case_ids(name: str) -> list[str]:
    """Ids of the cases; a copy lies under the id of its case with a number."""
    case_id, _, number = name.rpartition("-")
    return [name, case_id] if number.isdecimal() else [name]


def _is_known(case_id: str, store: CaseStore) -> bool:
    try:
        store.get(case_id)
    except RefusedError:
        return False
    return True


def _case_of(label: Label, now: datetime) -> Case:
    """Case with what its label says: of the digests only the SHA-256, and no sources."""
    state = FileState(dev=0, ino=label.ino, size=label.size, mtime_ns=label.metadata.mtime_ns, ctime_ns=0)
    return Case(
        id=label.case_id,
        state=CaseState.OFFLINE,
        upload=Upload(label.place, label.customer, state),
        digests=Digests(md5=b"", sha1=b"", sha256=label.sha256),
        matches=(),
        opened_at=now,
        measures=(Measure(MeasureKind.QUARANTINE, MeasureState.DONE),),
        reason=_REASON,
    )
