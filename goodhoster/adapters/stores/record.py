"""The schema of the record's file and its migrations.

Cases, who works on them, storms and what the brakes count. One file, so that what belongs together is one transaction:
a case, its claim, its storm and its counts.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from goodhoster.linux.sqlite_files import connect
from goodhoster.linux.sqlite_migrations import Migration, Schema

_CASES = """
CREATE TABLE IF NOT EXISTS cases (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, customer TEXT NOT NULL,
  tree BLOB NOT NULL, path BLOB NOT NULL, file_state TEXT NOT NULL,
  md5 BLOB NOT NULL, sha1 BLOB NOT NULL, sha256 BLOB NOT NULL,
  matches TEXT NOT NULL, measures TEXT NOT NULL,
  opened_at TEXT NOT NULL, closed_at TEXT, reason TEXT NOT NULL, actor TEXT NOT NULL,
  notice TEXT NOT NULL, notifier TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS case_copies (
  tree BLOB NOT NULL, path BLOB NOT NULL, id TEXT NOT NULL REFERENCES cases (id), PRIMARY KEY (tree, path, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS cases_upload ON cases (tree, path, file_state);
CREATE INDEX IF NOT EXISTS cases_state ON cases (state);
CREATE INDEX IF NOT EXISTS cases_opened ON cases (opened_at);
CREATE INDEX IF NOT EXISTS cases_notifier ON cases (notifier, opened_at, actor, state) WHERE notifier <> '';
CREATE INDEX IF NOT EXISTS cases_notifier_customer ON cases (notifier, customer, opened_at) WHERE notifier <> '';
CREATE INDEX IF NOT EXISTS cases_content ON cases (sha256, customer, state);
CREATE INDEX IF NOT EXISTS cases_matched ON cases (sha256, customer) WHERE matches <> '[]';
CREATE INDEX IF NOT EXISTS cases_sha1 ON cases (sha1);
CREATE INDEX IF NOT EXISTS cases_md5 ON cases (md5);
"""
_CLAIMS = """
CREATE TABLE claims (
  case_id TEXT PRIMARY KEY REFERENCES cases (id), holder INTEGER NOT NULL, process INTEGER NOT NULL,
  since TEXT NOT NULL, until TEXT NOT NULL
) WITHOUT ROWID;
"""
_ANSWERED = """
ALTER TABLE cases ADD COLUMN answered TEXT NOT NULL DEFAULT '[]';
"""
_STORMS = """
CREATE TABLE storms (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, about TEXT NOT NULL,
  reason TEXT NOT NULL, sources TEXT NOT NULL, begun_at TEXT NOT NULL, measures TEXT NOT NULL, part_of TEXT NOT NULL,
  state TEXT NOT NULL, ended_at TEXT, actor TEXT NOT NULL, word TEXT NOT NULL, told INTEGER NOT NULL
);
CREATE INDEX storms_cause ON storms (kind, about, number);
CREATE UNIQUE INDEX storms_braking ON storms (kind, about) WHERE state <> 'released';
CREATE INDEX storms_leading ON storms (part_of, state);
CREATE TABLE opened (
  source TEXT NOT NULL, automatic INTEGER NOT NULL, at TEXT NOT NULL, case_id TEXT NOT NULL,
  PRIMARY KEY (source, automatic, at, case_id)
) WITHOUT ROWID;
CREATE TABLE held (
  storm TEXT NOT NULL, case_id TEXT NOT NULL, PRIMARY KEY (storm, case_id)
) WITHOUT ROWID;
"""
_COUNTS = """
CREATE TABLE measure_counts (
  scope TEXT NOT NULL, customer TEXT NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (scope, customer, minute)
) WITHOUT ROWID;
CREATE TABLE counted_contents (
  scope TEXT NOT NULL, customer TEXT NOT NULL, sha256 BLOB NOT NULL, minute INTEGER NOT NULL,
  PRIMARY KEY (scope, customer, sha256)
) WITHOUT ROWID;
CREATE TABLE matched_customers (
  sha256 BLOB NOT NULL, customer TEXT NOT NULL, opened_at TEXT NOT NULL, PRIMARY KEY (sha256, customer)
) WITHOUT ROWID;
CREATE INDEX cases_customer ON cases (customer, opened_at);
DROP INDEX cases_matched;
DROP INDEX cases_notifier_customer;
CREATE INDEX counted_contents_minute ON counted_contents (minute);
CREATE INDEX measure_counts_minute ON measure_counts (minute);
"""
_COUNT_PAST_DAY = """
INSERT INTO counted_contents
  SELECT 'notifier:' || notifier, customer, sha256, max(CAST(strftime('%s', opened_at) AS INTEGER) / 60) FROM cases
  WHERE notifier <> '' AND actor = '' AND state NOT IN ('held', 'observed') AND opened_at >= datetime('now', '-1 day')
  GROUP BY notifier, customer, sha256;
INSERT INTO matched_customers
  SELECT sha256, customer, max(opened_at) FROM cases WHERE matches <> '[]' GROUP BY sha256, customer;
INSERT INTO measure_counts SELECT scope, customer, minute, count(*) FROM counted_contents GROUP BY 1, 2, 3;
INSERT INTO measure_counts SELECT scope, '', minute, sum(count) FROM measure_counts GROUP BY scope, minute;
"""

_DECISIONS = """
ALTER TABLE storms ADD COLUMN deciding INTEGER NOT NULL DEFAULT 0;
CREATE INDEX storms_deciding ON storms (number) WHERE deciding <> 0;
"""
_COPY_CONTENTS = """
CREATE TABLE copy_contents (
  sha256 BLOB NOT NULL, id TEXT NOT NULL REFERENCES cases (id), PRIMARY KEY (sha256, id)
) WITHOUT ROWID;
"""
"""SHA-256 of copies that are not the same as their case's own file, such as another size or a picture on a page."""
_ASKERS = """
CREATE TABLE askers (
  sha256 BLOB NOT NULL, customer TEXT NOT NULL, asked_at TEXT NOT NULL, PRIMARY KEY (sha256, customer)
) WITHOUT ROWID;
DELETE FROM matched_customers;   -- attempts were among them, and counted as files at many customers
INSERT INTO matched_customers
  SELECT sha256, customer, max(opened_at) FROM cases
  WHERE matches <> '[]' AND NOT EXISTS (SELECT 1 FROM json_each(measures) WHERE json_extract(value, '$[0]') = 'refusal')
  GROUP BY sha256, customer;
"""
_FIELD_WORDS = """
ALTER TABLE storms RENAME COLUMN begun_at TO started_at;
ALTER TABLE storms RENAME COLUMN ended_at TO decided_at;
ALTER TABLE storms RENAME COLUMN word TO decision_reason;
ALTER TABLE storms RENAME COLUMN told TO alert_delivered;
ALTER TABLE storms RENAME COLUMN deciding TO decision_holder;
DROP INDEX storms_deciding;
CREATE INDEX storms_decision ON storms (number) WHERE decision_holder <> 0;
ALTER TABLE opened RENAME TO counted_cases;
ALTER TABLE held RENAME TO held_cases;
ALTER TABLE askers RENAME TO attempt_customers;
"""

_COLUMNS_OF = {
    "storms": """number, id, kind, about, reason, sources, begun_at, measures, part_of,
      state, ended_at, actor, word, told""",
    "opened": "source, automatic, at, case_id",
    "held": "storm, case_id",
}


def _take_storms_in(db: sqlite3.Connection, file: Path) -> None:
    """Import the storms from the file of their own that they had before.

    With two files, a crash between them left storms with cases that never existed.
    """
    beside = file.with_name("storms.sqlite")
    if not beside.exists():
        return
    with closing(connect(beside)) as storms:
        for table, columns in _COLUMNS_OF.items():
            rows = storms.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608 - our own texts
            marks = ", ".join("?" * (columns.count(",") + 1))
            db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - our own texts
    db.execute("UPDATE storms SET kind = 'source-cap' WHERE kind = 'cap'")  # over all sources: there are none any more
    db.execute("DELETE FROM opened WHERE case_id NOT IN (SELECT id FROM cases)")
    db.execute("DELETE FROM held WHERE case_id NOT IN (SELECT id FROM cases)")


def _note_past_copies(db: sqlite3.Connection, _: Path) -> None:
    """Note the contents of copies in cases that are there already."""
    for case_id, own, measures in db.execute("SELECT id, sha256, measures FROM cases").fetchall():
        contents = {bytes.fromhex(copy[3]) for *_, copy in json.loads(measures) if copy} - {own}
        db.executemany("INSERT OR IGNORE INTO copy_contents VALUES (?, ?)", [(one, case_id) for one in contents])


RECORD = Schema(
    "the record",
    (
        Migration(2, (_CASES,)),
        Migration(3, (_CLAIMS, _ANSWERED, _STORMS, _take_storms_in, _COUNTS, _COUNT_PAST_DAY)),
        Migration(4, (_ASKERS,)),
        Migration(5, (_COPY_CONTENTS, _note_past_copies)),
        Migration(6, (_DECISIONS,)),
        Migration(7, (_FIELD_WORDS,)),
    ),
    irreplaceable=True,
)
