"""Operations on exemption sets: install, list and remove them.

Each change is in the audit log before it is done and after.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError, recording
from goodhoster.exemptions.set_file import pack, unpack
from goodhoster.hashlists.directory import create, disk_errors_explained, import_lock, sync, temporary_path
from goodhoster.hashlists.file_names import check_name, names_in
from goodhoster.model.audit import AuditEvent
from goodhoster.model.exemptions import ExemptionSet
from goodhoster.ports import AuditLog

DIRECTORY = "exemptions"
"""Where the sets lie below the state directory."""
_SUFFIX = ".exemptions"
_Told = dict[str, str | int]
_UNCHANGED = "the exemption sets there are unchanged"


@dataclass(frozen=True, slots=True)
class ExemptionSets:
    """The exemption sets of a directory.

    Processes may share it: one changes it at a time, readers see a set old or new.
    """

    directory: Path
    audit: AuditLog

    def put(self, made: ExemptionSet) -> None:
        """Install a set, replacing the one of its name.

        Durable when this returns; after a crash the old one is there, or the new one. ConfigurationError for a
        name that cannot be one; BusyError, PermanentError (disk) and AuditError: nothing was changed.
        """
        path = self._path(made.name)
        told: _Told = {"set": made.name, "version": made.version, "origin": made.origin, "contents": len(made.contents)}
        with disk_errors_explained(self.directory, _UNCHANGED), import_lock(self.directory):
            self._log("exemption.intended", {**told, "change": "build"}, made.made_by)
            with create(temporary_path(path)) as file:
                file.write(pack(made))
                file.flush()
                os.fsync(file.fileno())
            temporary_path(path).rename(path)
            sync(self.directory)
            with recording(f"the exemption set {made.name} is built and in force"):
                self._log("exemption.built", told, made.made_by)

    def remove(self, name: str, actor: str) -> None:
        """Remove a set, even a damaged one.

        RefusedError when there is none of that name; else as `put`.
        """
        path = self._path(name)
        if not path.exists():
            raise _unknown(name)
        with disk_errors_explained(self.directory, _UNCHANGED), import_lock(self.directory):
            self._log("exemption.intended", {"set": name, "change": "remove"}, actor)
            path.unlink(missing_ok=True)
            sync(self.directory)
            with recording(f"the exemption set {name} is removed"):
                self._log("exemption.removed", {"set": name}, actor)

    def get(self, name: str) -> ExemptionSet:
        """The set of that name.

        RefusedError when there is none, ConfigurationError when it is damaged.
        """
        try:
            return open_set(self._path(name))
        except FileNotFoundError as error:
            raise _unknown(name) from error

    def survey(self) -> Iterator[tuple[str, ExemptionSet | ConfigurationError]]:
        """Read every set to its end, by name.

        What is wrong with a damaged one is a value, not an error.
        """
        for path in set_files(self.directory):
            name = path.name.removesuffix(_SUFFIX)
            try:
                yield name, open_set(path)
            except FileNotFoundError:
                continue  # removed meanwhile
            except ConfigurationError as error:
                yield name, error

    def _path(self, name: str) -> Path:
        check_name(name, "an exemption set")
        return self.directory / (name + _SUFFIX)

    def _log(self, event: str, told: _Told, actor: str) -> None:
        self.audit.append(AuditEvent(event, {**told, "actor": actor}))


def set_files(directory: Path) -> Iterator[Path]:
    """The file of every set, by name; none when there is no directory.

    ConfigurationError when the directory cannot be read.
    """
    yield from (directory / name for name in names_in(directory) if name.endswith(_SUFFIX))


def open_set(path: Path) -> ExemptionSet:
    """Read a set to its end.

    FileNotFoundError when there is none; ConfigurationError when it is damaged.
    """
    try:
        return unpack(path.read_bytes())
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "build it again under the same name, or remove it: goodhoster exemptions remove NAME"
        raise ConfigurationError(f"the exemption set {path} cannot be used: {error}", hint=hint) from error


def _unknown(name: str) -> RefusedError:
    return RefusedError(f"there is no exemption set called {name}", hint="see: goodhoster exemptions list")
