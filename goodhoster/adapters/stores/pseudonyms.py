"""The keys of the audit log's references in a SQLite file, with the values they stand for."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from goodhoster.adapters.stores.database import RecordFile
from goodhoster.errors import GoodhosterError
from goodhoster.linux.sqlite_migrations import Migration, Schema
from goodhoster.model.pseudonyms import KEY_BYTES, PersonalValue, PseudonymKey
from goodhoster.ports.proof import RenamedScope

FILE = "pseudonyms.sqlite"
_TABLES = """
CREATE TABLE keys (id TEXT PRIMARY KEY, scope TEXT NOT NULL UNIQUE, secret BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE pseudonyms (
  token TEXT PRIMARY KEY, key TEXT NOT NULL REFERENCES keys (id), field TEXT NOT NULL, value TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pseudonyms_value ON pseudonyms (field, value);
CREATE INDEX pseudonyms_key ON pseudonyms (key);
"""
PSEUDONYMS = Schema(
    "the key store of the audit log",
    (Migration(1, (_TABLES,)),),
    hint="restore it from a backup: without it the log stays whole, and nobody can tell whom its entries are about",
    irreplaceable=True,
    backup=False,  # a copy that nobody knows of would undo what is deleted
)
_VALUES_PER_STATEMENT = 500


class _Request:
    """What one caller wants tokens for."""

    def __init__(self, values: Collection[PersonalValue]) -> None:
        self.values = values
        self.tokens: dict[PersonalValue, str] | None = None
        self.error: GoodhosterError | None = None


class SqlitePseudonyms:
    """See `ports.PseudonymStore`.

    Callers that come while one writes are written together after it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._record: RecordFile | None = None
        self._pid = 0
        self._opening = threading.Lock()
        self._waiting: list[_Request] = []
        self._queue = threading.Lock()
        self._writing = threading.Lock()

    def tokens(self, values: Collection[PersonalValue]) -> Mapping[PersonalValue, str]:
        """See `ports.PseudonymStore`."""
        request = _Request(values)
        with self._queue:
            self._waiting.append(request)
        with self._writing:
            if request.tokens is None and request.error is None:
                with self._queue:
                    batch, self._waiting = self._waiting, []
                self._write(batch)
        if request.error:
            raise request.error
        return request.tokens or {}

    def _write(self, batch: Sequence[_Request]) -> None:
        try:
            with self._opened().changing() as db:
                found = _tokens(db, {value for request in batch for value in request.values})
        except GoodhosterError as error:
            for request in batch:
                request.error = error
            return
        for request in batch:
            request.tokens = {value: found[value] for value in request.values}

    def values(self, tokens: Collection[str]) -> Mapping[str, str]:
        """See `ports.PseudonymStore`."""
        if not tokens or not self._file.exists():
            return {}
        found: dict[str, str] = {}
        for piece in _pieces(tokens):
            marks = ", ".join("?" * len(piece))
            query = f"SELECT token, value FROM pseudonyms WHERE token IN ({marks})"  # noqa: S608 - only question marks
            found |= dict(self._opened().rows(query, tuple(piece)))
        return found

    def disclosed(
        self, scope: str, tokens: Collection[str]
    ) -> tuple[PseudonymKey, Sequence[tuple[str, str, str]]] | None:
        """See `ports.PseudonymStore`."""
        if not self._file.exists():
            return None
        for key_id, secret in self._opened().rows("SELECT id, secret FROM keys WHERE scope = ?", (scope,)):
            query = "SELECT token, field, value FROM pseudonyms WHERE key = ? ORDER BY field, token"
            rows = [(token, field, value) for token, field, value in self._opened().rows(query, (key_id,))]
            return PseudonymKey(key_id, secret), [row for row in rows if row[0] in tokens]
        return None

    def drawn(self, scope: str, values: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """See `ports.PseudonymStore`."""
        with self._opened().changing() as db:
            key = _key(db, scope)
        return {(field, value): key.token(field, value).partition(":")[2] for field, value in values}

    def rename(self, renamed: Collection[RenamedScope]) -> int:
        """See `ports.PseudonymStore`."""
        if not self._file.exists():
            return 0
        changed = 0
        with self._opened().erasing() as db:
            for one in renamed:
                for (key,) in db.execute("SELECT id FROM keys WHERE scope = ?", (one.scope,)).fetchall():
                    changed += 1
                    stays = (key, one.field, one.value)
                    db.execute("DELETE FROM pseudonyms WHERE key = ? AND NOT (field = ? AND value = ?)", stays)
                    db.execute("UPDATE pseudonyms SET value = ? WHERE key = ?", (one.becomes, key))
                    db.execute("DELETE FROM keys WHERE scope = ?", (one.to,))
                    new = (one.to, secrets.token_bytes(KEY_BYTES), key)
                    db.execute("UPDATE keys SET scope = ?, secret = ? WHERE id = ?", new)
        return changed

    def delete(
        self, scopes: Collection[str], naming: Collection[tuple[str, str]] = (), kept: Collection[str] = ()
    ) -> int:
        """See `ports.PseudonymStore`."""
        if not self._file.exists():
            return 0
        record = self._opened()
        keys: set[str] = set()
        with record.erasing() as db:
            for field, value in naming:
                query = "SELECT DISTINCT key FROM pseudonyms WHERE field = ? AND value = ?"
                keys.update(key for (key,) in db.execute(query, (field, value)))
            for scope in scopes:
                keys.update(key for (key,) in db.execute("SELECT id FROM keys WHERE scope = ?", (scope,)))
            for scope in kept:
                keys.difference_update(key for (key,) in db.execute("SELECT id FROM keys WHERE scope = ?", (scope,)))
            for key in keys:
                db.execute("DELETE FROM pseudonyms WHERE key = ?", (key,))
                db.execute("DELETE FROM keys WHERE id = ?", (key,))
        return len(keys)

    def close(self) -> None:
        """Close the file; it is opened again where it is asked for anything."""
        with self._opening:
            if self._record and self._pid == os.getpid():
                self._record.close()
            self._record = None

    def _opened(self) -> RecordFile:
        """The file, opened once in each process when it is first needed."""
        with self._opening:
            if self._record is None or self._pid != os.getpid():
                self._record, self._pid = RecordFile(self._file, PSEUDONYMS), os.getpid()
            return self._record


def _tokens(db: sqlite3.Connection, values: Iterable[PersonalValue]) -> dict[PersonalValue, str]:
    """The tokens of the values; keys and rows that are missing are made."""
    keys: dict[str, PseudonymKey] = {}
    found, rows = {}, []
    for value in values:
        key = keys.get(value.scope) or keys.setdefault(value.scope, _key(db, value.scope))
        token = found[value] = key.token(value.field, value.value)
        rows.append((token, key.id, value.field, value.value))
    db.executemany("INSERT OR IGNORE INTO pseudonyms VALUES (?, ?, ?, ?)", rows)
    return found


def _key(db: sqlite3.Connection, scope: str) -> PseudonymKey:
    new = (secrets.token_hex(8), scope, secrets.token_bytes(KEY_BYTES))
    db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", new)
    key_id, secret = db.execute("SELECT id, secret FROM keys WHERE scope = ?", (scope,)).fetchone()
    return PseudonymKey(key_id, secret)


def _pieces(tokens: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(tokens)
    for begin in range(0, len(ordered), _VALUES_PER_STATEMENT):
        yield ordered[begin : begin + _VALUES_PER_STATEMENT]
