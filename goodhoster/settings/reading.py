"""Reading TOML files into settings classes.

Sections, the file that each table came from, and what is wrong with it.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from goodhoster.errors import ConfigurationError
from goodhoster.settings.all_errors import AllErrors, Lines, gathered, lines_of_tables
from goodhoster.settings.values import is_required

Values = TypeVar("Values")
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table as it stands in a file."""

    table: Table
    heading: str
    file: Path
    folder: Path
    """Relative paths start here: the folder of goodhoster.toml, also for tables in conf.d."""
    lines: Lines = field(default_factory=dict)

    def __str__(self) -> str:
        return self.at("")

    def at(self, key: str) -> str:
        """Where that key stands: file, line and heading."""
        line = self.lines.get(key) or self.lines.get("")
        return f"{self.file}{f':{line}' if line else ''} {self.heading}"


@dataclass(frozen=True, slots=True)
class PluggedTable:
    """A table whose `kind` names an entry point; `read_plugged` reads the rest of it."""

    kind: str
    written: WrittenTable
    common: Any = None
    """A value of the settings class that all kinds of this section share, where there is one."""


@dataclass(frozen=True, slots=True)
class Single:
    """[name]: at most once a file; later files win key by key."""

    name: str
    kind: type

    @property
    def heading(self) -> str:
        """The heading as it is written in the file."""
        return f"[{self.name}]"

    def read(self, written: Iterable[WrittenTable]) -> Any:
        """The settings class's value.

        Where nothing is written: its defaults, or None when a setting has no default.
        """
        values: dict[str, Any] = {}
        part = None
        with gathered() as errors:
            for part in written:
                with errors.step():
                    values |= _values(self.kind, part)
            if part is not None and not errors.found:
                _refuse_missing(self.kind, values, part)
        return None if _missing(self.kind, values) else self.kind(**values)


@dataclass(frozen=True, slots=True)
class Several:
    """[[name]]: any number of times; those of all files add up."""

    name: str
    kind: type
    needed: bool = False
    """Nothing works without one, so that the sample file has one in force."""

    @property
    def heading(self) -> str:
        """The heading as it is written in the file."""
        return f"[[{self.name}]]"

    def read(self, written: Iterable[WrittenTable]) -> tuple[Any, ...]:
        """A value of the settings class for each."""
        values: list[Any] = []
        with gathered() as errors:
            for part in written:
                with errors.step():
                    values.append(read_section(self.kind, part))
        return tuple(values)


@dataclass(frozen=True, slots=True)
class Plugged:
    """[[name]] with a `kind`: the settings class is an entry point of that name in the group."""

    name: str
    group: str
    common: type | None = None
    """A settings class whose keys every kind has beside its own."""

    @property
    def heading(self) -> str:
        """The heading as it is written in the file."""
        return f"[[{self.name}]]"

    def read(self, written: Iterable[WrittenTable]) -> tuple[PluggedTable, ...]:
        """The tables; no plug-in is loaded yet."""
        tables: list[PluggedTable] = []
        with gathered() as errors:
            for part in written:
                with errors.step():
                    tables.append(self._table(part))
        return tuple(tables)

    def _table(self, written: WrittenTable) -> PluggedTable:
        kind = _kind_of(written)
        if self.common is None:
            return PluggedTable(kind, written)
        shared = {f.name for f in dataclasses.fields(self.common)}
        own = {key: value for key, value in written.table.items() if key not in shared}
        rest = {key: value for key, value in written.table.items() if key in shared}
        common: Any = read_section(self.common, dataclasses.replace(written, table=rest))
        return PluggedTable(kind, dataclasses.replace(written, table=own), common)


Section = Single | Several | Plugged


def read_section(kind: type[Values], written: WrittenTable) -> Values:
    """Read one table as a value of a settings class.

    ConfigurationError says which file, line and key, and what to do.
    """
    values: dict[str, Any] = {}
    with gathered() as errors:
        with errors.step():
            values = _values(kind, written)
        with errors.step():
            _refuse_missing(kind, {**written.table, **values}, written)
    return kind(**values)


def read_plugged(plugged: PluggedTable, kinds: Mapping[str, type]) -> Any:
    """The table as a value of the settings class that its kind names."""
    kind = kinds.get(plugged.kind)
    if kind is None:
        where = plugged.written.at("kind")
        raise ConfigurationError(f"{where}: unknown kind {plugged.kind}", hint=_nearest(plugged.kind, kinds))
    return read_section(kind, dataclasses.replace(plugged.written, heading=f"{plugged.written.heading} {plugged.kind}"))


def installed_kinds(group: str) -> dict[str, type]:
    """The settings classes in an entry-point group, ours and those of plug-ins, by name."""
    return {point.name: point.load() for point in sorted(entry_points(group=group))}


def read_files(file: Path, sections: Iterable[Section], errors: AllErrors) -> dict[str, list[WrittenTable]]:
    """The tables of each section in the file and its drop-in files.

    First the file, then `conf.d/*.toml` beside it, in order of name. What cannot be read is added to the errors.
    """
    found: dict[str, list[WrittenTable]] = {section.name: [] for section in sections}
    parts = [file]
    with errors.step():
        parts += _conf_d(file.parent / "conf.d")
    for part in parts:
        with errors.step():
            _read_file(part, file.parent, sections, found)
    return found


def _read_file(file: Path, folder: Path, sections: Iterable[Section], found: dict[str, list[WrittenTable]]) -> None:
    """Add the tables of one file to those that were found."""
    content = _content(file)
    tables, lines = _parse(content, file), lines_of_tables(content)
    with gathered() as errors:
        with errors.step():
            refuse_unknown(tables, found, WrittenTable(tables, "", file, folder, _lines_of_headings(lines)))
        for section in sections:
            with errors.step():
                for number, table in enumerate(_tables(tables, section, file)):
                    keys = lines.get((section.name, number), {})
                    found[section.name].append(WrittenTable(table, section.heading, file, folder, keys))


def _lines_of_headings(lines: Mapping[tuple[str, int], Lines]) -> Lines:
    headings = {name: keys[""] for (name, number), keys in lines.items() if name and not number}
    return {**headings, **lines[("", 0)]}


def refuse_unknown(table: Table, known: Iterable[str], written: WrittenTable) -> None:
    """Raise ConfigurationError for unknown keys; it names the nearest known ones."""
    with gathered() as errors:
        for key in table:
            with errors.step():
                if key not in known:
                    where = written.at(key).rstrip()
                    raise ConfigurationError(f"{where}: unknown key {key}", hint=_nearest(key, known))


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else "known are: " + ", ".join(known)


def _conf_d(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"cannot read {folder}: {error.strerror}", hint="check its owner and mode") from error


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError as error:
        hint = "make one: goodhoster setup (every setting: goodhoster config sample), or name another with --config"
        raise ConfigurationError(f"there is no configuration file {file}", hint=hint) from error
    except PermissionError as error:
        hint = "run this as root, or have root give you a role: docs/how-to-people.md; is it your own? check its mode"
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", hint=hint) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", hint="check its owner and mode") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text: {error.reason}", hint="save it as UTF-8") from error


def _parse(content: str, file: Path) -> Table:
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", hint="fix the line it names") from error
    except RecursionError as error:
        hint = "no setting needs lists or tables within others like that"
        raise ConfigurationError(f"{file} is nested too deeply", hint=hint) from error


def _tables(tables: Table, section: Section, file: Path) -> list[Table]:
    if section.name not in tables:
        return []
    value = tables[section.name]
    listed: Any = [value] if isinstance(section, Single) else value
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise ConfigurationError(f"{file}: {section.name} must be a section", hint=f"write it as {section.heading}")
    return listed


def _values(kind: type, written: WrittenTable) -> dict[str, Any]:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    with gathered() as errors:
        with errors.step():
            refuse_unknown(written.table, fields, written)
        for key, raw in written.table.items():
            with errors.step():
                if key in fields:
                    values[key] = _value(fields[key], raw, written)
    return values


def _refuse_missing(kind: type, values: Table, written: WrittenTable) -> None:
    with gathered() as errors:
        for f in _missing(kind, values):
            hint = f"add: {f.name} = {f.metadata['example']}"
            with errors.step():
                raise ConfigurationError(f"{written}: {f.name} is missing", hint=hint)


def _missing(kind: type, values: Table) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(kind) if f.name not in values and is_required(f)]


def _value(f: dataclasses.Field[Any], raw: Any, written: WrittenTable) -> Any:
    try:
        value = f.metadata["read"](raw)
    except ValueError as error:
        raise ConfigurationError(
            f"{written.at(f.name)}: {f.name} = {raw!r} cannot be used", hint=f"give {error}"
        ) from error
    return (written.folder / value).absolute() if isinstance(value, Path) else value


def _kind_of(written: WrittenTable) -> str:
    kind = written.table.get("kind")
    if not isinstance(kind, str):
        raise ConfigurationError(f"{written}: kind is missing", hint='add its kind, such as: kind = "list"')
    return kind
