"""The record of cases in SQLite.

Every call is one durable transaction; processes may share the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, Row, time_text
from goodhoster.adapters.stores.record import RECORD
from goodhoster.errors import RefusedError
from goodhoster.model.cases import Case, CaseState, Claim, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Digests
from goodhoster.model.exemptions import Exemption
from goodhoster.model.ids import complete_name
from goodhoster.model.image_sizes import ranges
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Category, Match, SourceAnswer
from goodhoster.ports import CaseQuery

_NAMES = """id, state, customer, tree, path, file_state, md5, sha1, sha256, matches, measures,
  opened_at, closed_at, reason, actor, notice, notifier, answered"""
_MARKS = ", ".join("?" * (_NAMES.count(",") + 1))

_VALUES_PER_STATEMENT = 500
"""Question marks in one statement."""
_WITH_MATCH = "EXISTS (SELECT 1 FROM json_each(matches) WHERE json_extract(value, '$[{column}]') = ?)"
"""A condition for cases with such a match; its values stand in the order of `_match_row`."""
_OF_NOTIFIER = "notifier = ? AND notifier <> ''"
"""The second half says what SQLite cannot see in a question mark: that the indexes of notifiers may be used."""


class SqliteCaseStore:
    """See `ports.CaseStore`. `timeout`: seconds to wait while another process writes."""

    def __init__(self, file: Path, timeout: float = 30.0) -> None:
        self.record = RecordFile(file, RECORD, timeout)
        """For what shares the file: see `storms`."""

    def together(self) -> AbstractContextManager[None]:
        """See `ports.CaseStore`."""
        return self.record.together()

    def add(self, case: Case) -> None:
        """See `ports.CaseStore`."""
        try:
            with self.record.changing() as db:
                db.execute(f"INSERT INTO cases ({_NAMES}) VALUES ({_MARKS})", _row(case))  # noqa: S608 - our own texts
                _note(db, case)
        except sqlite3.IntegrityError as error:
            raise RefusedError(f"there is a case about {case.upload.place} in this state already") from error

    def replace(self, case: Case, *, expected: CaseState) -> None:
        """See `ports.CaseStore`."""
        with self.record.changing() as db:
            changed = db.execute(
                """UPDATE cases SET state = ?, file_state = ?, matches = ?, measures = ?, closed_at = ?, reason = ?,
                actor = ?, notice = ?, notifier = ?, answered = ? WHERE id = ? AND state = ?""",
                (case.state, _file_state(case), _matches(case), _measures(case), *_tail(case), case.id, expected),
            ).rowcount
            if changed:
                _note(db, case)
        if not changed:
            raise RefusedError(f"case {case.id} is not {expected} any more", hint="look again: goodhoster cases show")

    def get(self, case_id: str) -> Case:
        """See `ports.CaseStore`."""
        for row in self._rows("WHERE id = ?", (case_id,)):
            return _case(row)
        raise RefusedError(f"there is no case {case_id}", hint="see: goodhoster cases list")

    def complete(self, part: str) -> str:
        """See `ports.CaseStore`."""
        names = (case_id for (case_id,) in self.record.rows("SELECT id FROM cases"))
        return complete_name(part, names, "case")

    def get_all(self, case_ids: Sequence[str]) -> Sequence[Case]:
        """See `ports.CaseStore`."""
        found: dict[str, Case] = {}
        for begin in range(0, len(case_ids), _VALUES_PER_STATEMENT):
            found |= self._by_id(case_ids[begin : begin + _VALUES_PER_STATEMENT])
        return [found.get(case_id) or self.get(case_id) for case_id in case_ids]

    def _by_id(self, case_ids: Sequence[str]) -> dict[str, Case]:
        marks = ", ".join("?" * len(case_ids))
        return {case.id: case for case in map(_case, self._rows(f"WHERE id IN ({marks})", tuple(case_ids)))}

    def each(self, query: CaseQuery) -> Iterator[Case]:
        """See `ports.CaseStore`."""
        ids = self.ids(query)
        for begin in range(0, len(ids), _VALUES_PER_STATEMENT):
            found = self._by_id(ids[begin : begin + _VALUES_PER_STATEMENT])
            yield from (found[case_id] for case_id in ids[begin : begin + _VALUES_PER_STATEMENT] if case_id in found)

    def find(self, query: CaseQuery) -> Sequence[Case]:
        """See `ports.CaseStore`."""
        parts, values = conditions(query)
        where = "WHERE " + " AND ".join(parts) if parts else ""
        if query.newest is None:
            return [_case(row) for row in self._rows(f"{where} ORDER BY opened_at, id", values)]
        newest = self._rows(f"{where} ORDER BY opened_at DESC, id DESC LIMIT ?", (*values, query.newest))
        return [_case(row) for row in reversed(newest)]

    def ids(self, query: CaseQuery) -> Sequence[str]:
        """See `ports.CaseStore`."""
        parts, values = conditions(query)
        where = "WHERE " + " AND ".join(parts) if parts else ""
        rows = self.record.rows(f"SELECT id FROM cases {where} ORDER BY opened_at, id", values)  # noqa: S608 - our own texts
        found = [case_id for (case_id,) in rows]
        return found if query.newest is None else found[max(0, len(found) - query.newest) :]

    def count(self, query: CaseQuery) -> int:
        """See `ports.CaseFigures`."""
        parts, values = conditions(query)
        where = "WHERE " + " AND ".join(parts) if parts else ""
        ((number,),) = self.record.rows(f"SELECT count(*) FROM cases {where}", values)  # noqa: S608 - our own texts
        return int(number) if query.newest is None else min(int(number), query.newest)

    def measures(self) -> Mapping[tuple[MeasureKind, MeasureState], int]:
        """See `ports.CaseStore`."""
        query = (
            "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), count(*)"
            " FROM cases, json_each(cases.measures) GROUP BY 1, 2"
        )
        return {(MeasureKind(kind), MeasureState(state)): count for kind, state, count in self.record.rows(query)}

    def customers_with(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """See `ports.CaseFigures`."""
        query = "SELECT customer FROM matched_customers WHERE sha256 = ? AND opened_at BETWEEN ? AND ?"
        rows = self.record.rows(query, (sha256, time_text(since), time_text(until)))
        return frozenset(customer for (customer,) in rows)

    def claim(self, case_ids: Iterable[str], claim: Claim) -> None:
        """See `ports.CaseStore`."""
        values = (claim.holder, claim.pid, time_text(claim.since), time_text(claim.until))
        with self.record.changing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)", [(each, *values) for each in case_ids]
            )

    def unclaim(self, case_ids: Iterable[str]) -> None:
        """See `ports.CaseStore`."""
        with self.record.changing() as db:
            db.executemany("DELETE FROM claims WHERE case_id = ?", [(each,) for each in case_ids])

    def claimed(self, holder: int | None = None) -> Sequence[str]:
        """See `ports.CaseStore`."""
        rows = self.record.rows("SELECT case_id, holder FROM claims")
        return [case_id for case_id, claimed_by in rows if holder in {None, claimed_by}]

    def claim_of(self, case_id: str) -> Claim | None:
        """See `ports.CaseStore`."""
        query = "SELECT holder, process, since, until FROM claims WHERE case_id = ?"
        for holder, pid, since, until in self.record.rows(query, (case_id,)):
            return Claim(holder, pid, datetime.fromisoformat(since), datetime.fromisoformat(until))
        return None

    def close(self) -> None:
        """Close the file."""
        self.record.close()

    def _rows(self, where: str, values: tuple[object, ...]) -> list[Row]:
        return self.record.rows(f"SELECT {_NAMES} FROM cases {where}", values)  # noqa: S608 - our own texts


def conditions(query: CaseQuery) -> tuple[list[str], tuple[object, ...]]:
    """The query in SQL: conditions that must all hold, and the values for their placeholders."""
    found: list[tuple[str, tuple[object, ...]]] = []
    if query.states:
        found.append((f"state IN ({', '.join('?' * len(query.states))})", tuple(query.states)))
    if query.customer is not None:
        found.append(("customer = ?", (query.customer,)))
    found += _files_described(query)
    if query.notifier is not None:
        found.append((_OF_NOTIFIER if query.notifier else "notifier = ?", (query.notifier,)))
    if query.automatic:
        found.append(("actor = '' AND state NOT IN ('held', 'observed')", ()))
    for condition, value in (
        ("opened_at >= ?", time_text(query.opened_since)),
        ("opened_at < ?", time_text(query.opened_before)),
        (_WITH_MATCH.format(column=0), query.source),
        (_WITH_MATCH.format(column=2), query.category),
    ):
        if value is not None:
            found.append((condition, (value,)))
    return [part for part, _ in found], tuple(value for _, values in found for value in values)


def _files_described(query: CaseQuery) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Conditions about a case's files."""
    if query.place is not None:
        place = (query.place.tree, query.place.path)
        copies = "SELECT id FROM case_copies WHERE tree = ? AND path = ?"
        yield f"(tree = ? AND path = ? OR id IN ({copies}))", place * 2
    if query.beside is not None:
        yield _within(query.beside.tree, ranges(query.beside))
    if query.digest is not None:
        yield f"{query.digest.algorithm.value} = ?", (query.digest.value,)
    if query.content is not None:
        copies = "SELECT id FROM copy_contents WHERE sha256 = ?"
        yield f"(sha256 = ? OR id IN ({copies}))", (query.content,) * 2


def _within(tree: bytes, paths: list[tuple[bytes, bytes]]) -> tuple[str, tuple[object, ...]]:
    """A condition for cases about a file in one of the path ranges, also as a copy."""
    part = " OR ".join(["tree = ? AND path >= ? AND path < ?"] * len(paths)) or "0"
    values = tuple(value for path in paths for value in (tree, *path))
    return f"({part} OR id IN (SELECT id FROM case_copies WHERE {part}))", values * 2  # noqa: S608 - only question marks


def _row(case: Case) -> Row:
    upload, d = case.upload, case.digests
    head = (case.id, case.state, upload.customer, upload.place.tree, upload.place.path, _file_state(case))
    return (*head, d.md5, d.sha1, d.sha256, _matches(case), _measures(case), time_text(case.opened_at), *_tail(case))


def _file_state(case: Case) -> str:
    return json.dumps(_state_values(case.upload.state))


def _tail(case: Case) -> Row:
    answered = json.dumps([[each.source, each.version, each.share] for each in case.answered])
    return time_text(case.closed_at), case.reason, case.actor, case.notice, case.notifier, answered


def _case(row: Row) -> Case:
    case_id, state, customer, tree, path, file_state, md5, sha1, sha256, matches, measures, *rest = row
    opened_at, closed_at, reason, actor, notice, notifier, answered = rest
    upload = Upload(Place(tree, path), customer, FileState(*json.loads(file_state)))
    return Case(
        id=case_id,
        state=CaseState(state),
        upload=upload,
        digests=Digests(md5, sha1, sha256),
        matches=tuple(map(_match, json.loads(matches))),
        opened_at=datetime.fromisoformat(opened_at),
        measures=tuple(_measure(values, customer) for values in json.loads(measures)),
        closed_at=datetime.fromisoformat(closed_at) if closed_at else None,
        reason=reason,
        actor=actor,
        notice=notice,
        notifier=notifier,
        answered=tuple(SourceAnswer(*each) for each in json.loads(answered)),
    )


def _matches(case: Case) -> str:
    return json.dumps(list(map(_match_row, case.matches)))


def _match_row(match: Match) -> list[str | int]:
    row: list[str | int] = [match.source, match.algorithm, match.category, match.distance]
    return [*row, encode(match.exemption)] if match.exemption else row


def _match(row: list[Any]) -> Match:
    source, algorithm, category, distance, *exemption = row
    exempt = decode(Exemption, exemption[0]) if exemption else None
    return Match(source, algorithm, Category(category), distance, exempt)


def _measures(case: Case) -> str:
    return json.dumps([[m.kind, m.state, m.detail, _copy_values(m.copy)] for m in case.measures])


def _measure(values: list[Any], customer: str) -> Measure:
    kind, state, detail, copy = values
    return Measure(MeasureKind(kind), MeasureState(state), detail, _copy(copy, customer) if copy else None)


def _copy_values(copy: Copy | None) -> list[Any] | None:
    """Encode a copy without its customer, which is its case's."""
    if copy is None:
        return None
    place = copy.upload.place
    return [place.tree.hex(), place.path.hex(), _state_values(copy.upload.state), copy.sha256.hex()]


def _copy(values: list[Any], customer: str) -> Copy:
    tree, path, state, sha256 = values
    place = Place(bytes.fromhex(tree), bytes.fromhex(path))
    return Copy(Upload(place, customer, FileState(*state)), bytes.fromhex(sha256))


def _note(db: sqlite3.Connection, case: Case) -> None:
    """Store what is looked up beside the case: its copies, and the customers with that match."""
    if case.matches and not case.is_attempt:
        query = """INSERT INTO matched_customers VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET opened_at = max(opened_at, excluded.opened_at)"""
        db.execute(query, (case.digests.sha256, case.upload.customer, time_text(case.opened_at)))
    copies = [measure.copy for measure in case.measures if measure.copy]
    if not copies:
        return
    rows = [(copy.upload.place.tree, copy.upload.place.path, case.id) for copy in copies]
    db.executemany("INSERT OR IGNORE INTO case_copies VALUES (?, ?, ?)", rows)
    contents = {copy.sha256 for copy in copies} - {case.digests.sha256}
    db.executemany("INSERT OR IGNORE INTO copy_contents VALUES (?, ?)", [(sha256, case.id) for sha256 in contents])


def _state_values(state: FileState) -> list[int]:
    return [state.dev, state.ino, state.size, state.mtime_ns, state.ctime_ns]
