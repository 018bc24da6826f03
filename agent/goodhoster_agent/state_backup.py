"""Backup of the state directory while the daemon runs, and its restoration.

Databases are copied as of one moment each, and the audit log after all of them: it knows every case before the record
acts on it, so that a restored log is never behind its record. Last come the keys of the log's references, which are
durable before an entry is: each entry in the backup has its key there. Left out is what is made again (index, caches)
or lives with a process (sockets, locks). Other keys go along only where that is asked for.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from goodhoster.errors import ConfigurationError, PermanentError, RefusedError, UncheckedError
from goodhoster.linux.durable_files import remove_left_drafts
from goodhoster.linux.sqlite_files import connect, explained, is_for_want_of_room
from goodhoster.linux.state_manifest import lost

MANIFEST = "goodhoster-backup.json"
_LOG = "audit.log"
_AT_THE_END = (_LOG, "pseudonyms.sqlite")
_NOT_KEPT = ("*.lock", "*-wal", "*-shm", "*-journal", "*.sock", "index.sqlite*", "answers*", "desk.holders", "tmp")
"""Made again, or of a process; `audit.log.tail` is made from the log."""
_DRAFT = ".goodhoster-backup-"
"""In the name of a backup that is being written, before the process id."""
_MAKE_ROOM = "make room on its disk, then run this again"
_HINTS = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there: the quota is used up",
    errno.EACCES: "run this as root, or name a directory that you may write to",
    errno.EPERM: "run this as root, or name a directory that you may write to",
    errno.EROFS: "its file system is read-only: name another directory",
    errno.ENOENT: "make its directory first",
}
"""What helps where a backup cannot be written."""
_KEYS = ("*.key", "*.keys", "*secret*", "*token*", "tokens*")
_LARGEST_MANIFEST = 64 << 20
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds."""

    made_at: str
    version: str
    files: dict[str, str]
    """SHA-256 by name, relative to the state directory."""
    keys: bool
    """Whether keys and tokens are among them."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restoration."""

    backup: Backup
    aside: Path | None
    """Where the state directory that was there is now; None where there was none."""
    keys_kept: tuple[str, ...]
    """Keys and tokens of that directory that stay in use, as the backup has none; relative to the state directory."""


def back_up(state_dir: Path, file: Path, version: str, *, keys: bool = False) -> Backup:
    """Write a backup of a state directory into a new file that only its owner may read.

    RefusedError where the file exists; it is whole or not there.
    """
    if file.exists():
        raise _exists(file)
    draft = file.with_name(f".{file.name}{_DRAFT}{os.getpid()}")
    remove_left_drafts(file.parent, f".*{_DRAFT}")
    try:
        with _private(draft) as opened, tarfile.open(fileobj=opened, mode="w:gz") as archive:
            digests: dict[str, str] = {}
            names = [name for name in _names(state_dir, keys=keys) if name not in _AT_THE_END]
            for name in [*names, *(name for name in _AT_THE_END if (state_dir / name).exists())]:
                with _naming(state_dir / name):
                    digests[name] = _add(archive, state_dir / name, name, file.parent)
            backup = Backup(datetime.now(UTC).isoformat(timespec="seconds"), version, digests, keys)
            _add_bytes(archive, MANIFEST, json.dumps(_plain(backup), indent=1).encode())
        _sync(draft)
        os.link(draft, file)
    except FileExistsError as error:
        raise _exists(file) from error
    except OSError as error:
        message = f"the backup cannot be written to {file}: {error.strerror}"
        raise PermanentError(message, hint=_HINTS.get(error.errno or 0, "look at its directory and disk")) from error
    finally:
        draft.unlink(missing_ok=True)
    return backup


def _exists(file: Path) -> RefusedError:
    """The refusal to write over a file, such as another backup made at the same time."""
    return RefusedError(f"{file} exists already", hint="name a new file: a backup is never written over")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Tell which file of the state directory cannot be read."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"{file} cannot be copied: {explained(error, file)}"
        full = is_for_want_of_room(error, file)
        hint = _MAKE_ROOM if full else "look whether it is whole: goodhoster state check"
        raise PermanentError(message, hint=hint) from error


def restore(file: Path, state_dir: Path, *, replace: bool = False) -> Restored:
    """Put a backup in the place of a state directory.

    Every file of it is compared with its digest first, and durable before it takes its place.

    A state directory that holds something is moved aside where `replace` says so, and RefusedError otherwise. Nothing
    is changed before the whole backup was read. Where the backup was made without keys, those of the directory that it
    replaces stay in use, unless the backup knows others.
    """
    filled = state_dir.is_dir() and any(entry.name != "daemon.lock" for entry in state_dir.iterdir())
    if filled and not replace:
        hint = "use --replace: the directory is kept beside it under another name"
        raise RefusedError(f"{state_dir} is not empty", hint=hint)
    state_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{state_dir.name}.", dir=state_dir.parent))
    try:
        backup = _unpack(file, draft)
        keys_kept = [] if backup.keys else _keep_keys(state_dir, draft)
        _sync_tree(draft)
    except BaseException:
        shutil.rmtree(draft)  # it names customers, and nobody would look for it here
        raise
    aside: Path | None = None
    if state_dir.exists():
        aside = state_dir.with_name(f"{state_dir.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        state_dir.rename(aside)
        if not filled:
            (aside / "daemon.lock").unlink(missing_ok=True)
            aside.rmdir()
            aside = None
    draft.rename(state_dir)
    _sync(state_dir.parent)
    return Restored(backup, aside, tuple(keys_kept))


def _keep_keys(present: Path, restored: Path) -> list[str]:
    """Copy the keys and tokens that a state directory has and its backup has not; their names.

    Not those of another host or time: where the backup's manifest knows a key by its content, only that one is taken.
    """
    kept: list[str] = []
    for name in _names(present, keys=True):
        target = restored / name
        if not _matches(target.name, _KEYS) or target.exists():
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _private(target) as opened:
            opened.write((present / name).read_bytes())
        if name in lost(restored):
            target.unlink()
        else:
            kept.append(name)
    return kept


def damaged_databases(state_dir: Path) -> Iterator[str]:
    """What is wrong with the databases of a state directory, in words.

    UncheckedError where a full disk keeps one from being read: that says nothing of it.
    """
    for file in sorted(state_dir.rglob("*.sqlite")):
        try:
            with closing(connect(file, read_only=True)) as database:
                found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
        except sqlite3.Error as error:
            if is_for_want_of_room(error, file):
                message = f"{file} cannot be checked: {explained(error, file)}"
                raise UncheckedError(message, reason="unreadable", hint=_MAKE_ROOM) from error
            found = [explained(error, file)]
        if found != ["ok"]:
            yield f"{file.relative_to(state_dir)}: {'; '.join(found)}"


def _names(state_dir: Path, *, keys: bool) -> list[str]:
    """The files to keep, by name."""
    found: list[str] = []
    for folder, folders, files in os.walk(state_dir):
        at = Path(folder).relative_to(state_dir)
        folders[:] = sorted(name for name in folders if not _matches(name, _NOT_KEPT))
        for name in sorted(files):
            wanted = not _matches(name, _NOT_KEPT) and name != f"{_LOG}.tail" and (keys or not _matches(name, _KEYS))
            if wanted and stat.S_ISREG(os.lstat(Path(folder, name)).st_mode):
                found.append(str(at / name))
    return found


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _add(archive: tarfile.TarFile, file: Path, name: str, drafts: Path) -> str:
    """Add one file as of one moment; its SHA-256."""
    if file.suffix == ".sqlite":
        with tempfile.TemporaryDirectory(prefix="goodhoster-backup-", dir=drafts) as folder:
            copy = _copied(file, Path(folder))
            return _add_file(archive, copy, name, copy.stat().st_size)
    size = os.stat(file).st_size
    if name == _LOG:
        size = _whole_lines(file, size)
    return _add_file(archive, file, name, size)


def _copied(file: Path, folder: Path) -> Path:
    """A copy of a database as of one moment.

    In a directory that is read-only SQLite cannot make what it needs to read a file with a write-ahead log: both are
    copied as they are, then.
    """
    copy = folder / "copy.sqlite"
    try:
        _copy_database(file, copy)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise
        _copy_database(_copied_as_it_is(file, folder), copy)
    return copy


def _copy_database(file: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    with closing(connect(file, read_only=True)) as source, closing(connect(copy)) as target:
        source.backup(target)


def _copied_as_it_is(file: Path, folder: Path) -> Path:
    """A copy of a database with its write-ahead log, neither of which anybody changed meanwhile."""
    parts = [part for part in (file, file.with_name(f"{file.name}-wal")) if part.exists()]
    before = [_version(part) for part in parts]
    for part in parts:
        shutil.copyfile(part, folder / part.name)
    if [_version(part) for part in parts] != before:
        raise PermanentError(f"{file} was changed while it was copied", hint="run this as root, or as its owner")
    return folder / file.name


def _version(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _add_file(archive: tarfile.TarFile, file: Path, name: str, size: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        left = size
        while left and (piece := opened.read(min(_READ_BYTES, left))):
            digest.update(piece)
            left -= len(piece)
        if left:
            raise PermanentError(f"{file} became shorter while it was copied", hint="try again")
        opened.seek(0)
        archive.addfile(_header(name, size), opened)
    return digest.hexdigest()


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_header(name, len(content)), BytesIO(content))


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


def _whole_lines(file: Path, size: int) -> int:
    """Bytes up to the end of the last whole line: half an entry was never acknowledged."""
    with file.open("rb") as opened:
        at = size
        while at > 0:
            begin = max(0, at - _READ_BYTES)
            opened.seek(begin)
            if (end := opened.read(at - begin).rfind(b"\n")) >= 0:
                return begin + end + 1
            at = begin
    return 0


def _unpack(file: Path, folder: Path) -> Backup:
    """Unpack a backup and compare each file of it."""
    digests: dict[str, str] = {}
    backup: Backup | None = None
    try:
        with tarfile.open(file, mode="r:gz") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None:
                    raise PermanentError(
                        f"{file} is not a backup: {member.name!r} is not a file", hint="use another one"
                    )
                if member.name == MANIFEST:
                    backup = _manifest(file, source.read(_LARGEST_MANIFEST))
                    continue
                target = folder / _safe(file, member.name)
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                digest = hashlib.sha256()
                with _private(target) as opened:
                    while piece := source.read(_READ_BYTES):
                        digest.update(piece)
                        opened.write(piece)
                digests[member.name] = digest.hexdigest()
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no backup {file}", hint="see the file's name") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PermanentError(f"{file} is not a whole backup: {error}", hint="use another one") from error
    if backup is None or backup.files != digests:
        raise PermanentError(f"{file} is not as it was made", hint="use another one")
    return backup


def _safe(file: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise PermanentError(f"{file} is not a backup of ours: it names {name!r}", hint="use another one")
    return path


def _manifest(file: Path, content: bytes) -> Backup:
    try:
        found = json.loads(content)
        return Backup(str(found["made_at"]), str(found["version"]), dict(found["files"]), bool(found["keys"]))
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError(f"{file} is not a backup of ours: {error}", hint="use another one") from error


def _plain(backup: Backup) -> dict[str, object]:
    return {"made_at": backup.made_at, "version": backup.version, "keys": backup.keys, "files": backup.files}


def _private(file: Path) -> BinaryIO:
    """A new file that only its owner may read."""
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")


def _sync_tree(folder: Path) -> None:
    for at, _, files in os.walk(folder):
        for name in files:
            _sync(Path(at, name))
        _sync(Path(at))


def _sync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
