"""[house_rules]: the file with the house rules, read with everything that is wrong in it."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from goodhoster.errors import ConfigurationError
from goodhoster.model.customers.house_rules import (
    DEFAULT_LADDER,
    AppealRules,
    CustomerRules,
    LadderRules,
    RungRules,
    StatementRules,
    UploadGate,
)
from goodhoster.model.customers.standing import Rung
from goodhoster.settings.values import duration, duration_or_never, one_of, path, setting, text, whole, yes_or_no

Reader = Callable[[Any], Any]
Value = TypeVar("Value")
_LARGEST_FILE = 1 << 20
_VERSION_LENGTH = 12
_HIGHEST_SHARE = 100


@dataclass(frozen=True, slots=True)
class HouseRulesSettings:
    """[house_rules]: what is asked of customers, and what follows when they do not keep it."""

    file: Path | None = setting(
        path,
        "A TOML file with gates, the ladder of consequences and appeals; `policy explain` says it in words. Absent: "
        "the built-in rules, which refuse nothing and do nothing (observe).",
        default=None,
        example='"house-rules.toml"',
    )


def read_house_rules(file: Path | None) -> CustomerRules:
    """The rules of that file; the built-in ones without a file.

    ConfigurationError names everything that is wrong with it, a line each.
    """
    if file is None:
        return CustomerRules()
    content = _content(file)
    try:
        written = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text: {error.reason}", hint="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", hint="fix the line it names") from error
    problems: list[str] = []
    rules = _rules(_Table(written, "", problems))
    if problems:
        raise ConfigurationError("\n".join(f"{file}: {problem}" for problem in problems), hint=_HINT)
    return replace(rules, version=hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH])


_HINT = "see docs/how-to-house-rules.md, and check again: goodhoster policy explain"


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"there are no house rules at {file}", hint="see [house_rules] file") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", hint="check its owner and mode") from error
    if len(content) > _LARGEST_FILE:
        raise ConfigurationError(f"{file} is larger than {_LARGEST_FILE} bytes", hint="name the right file")
    return content


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file; what is wrong with it goes to `problems`."""

    written: Mapping[str, Any]
    where: str
    """Its heading, for messages."""
    problems: list[str]

    def values(self, readers: Mapping[str, Reader], tables: Iterable[str] = ()) -> dict[str, Any]:
        known = [*readers, *tables]
        found: dict[str, Any] = {}
        for key, value in self.written.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
                hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(known)
                self.problems.append(f"{self.where}unknown key {key}: {hint}")
            elif key in readers:
                try:
                    found[key] = readers[key](value)
                except ValueError as error:
                    self.problems.append(f"{self.where}{key} = {value!r} cannot be used: give {error}")
        return found

    def table(self, name: str, above: str = "") -> _Table:
        value, heading = self.written.get(name, {}), f"[{above}{name}]"
        if not isinstance(value, dict):
            self.problems.append(f"{self.where}{name} must be a section: write it as {heading}")
            value = {}
        return _Table(value, f"{heading} ", self.problems)


def _rules(file: _Table) -> CustomerRules:
    found = file.values({"mode": one_of("observe", "enforce")}, ("upload", "ladder", "appeal", "statement"))
    return CustomerRules(
        enforce=found.get("mode", "observe") == "enforce",
        upload=_filled(UploadGate(), file.table("upload").values(_UPLOAD)),
        ladder=_ladder(file.table("ladder")),
        appeals=_filled(AppealRules(), file.table("appeal").values(_APPEAL)),
        statement=_filled(StatementRules(), file.table("statement").values(_STATEMENT)),
    )


def _ladder(written: _Table) -> LadderRules:
    found = written.values(_LADDER, Rung)
    rungs = {rung: _filled(DEFAULT_LADDER[rung], written.table(rung, "ladder.").values(_RUNG)) for rung in Rung}
    written.problems.extend(_out_of_order(rungs))
    return _filled(LadderRules(rungs=MappingProxyType(rungs)), found)


def _out_of_order(rungs: Mapping[Rung, RungRules]) -> Iterable[str]:
    """What is wrong where a higher rung would be reached before a lower one."""
    for what in ("incidents", "share"):
        used = [(rung, value) for rung in Rung if (value := getattr(rungs[rung], what)) is not None]
        for (lower, less), (higher, more) in pairwise(used):
            if more < less:
                yield f"[ladder.{higher}] {what} is below that of [ladder.{lower}]: a higher rung needs as much"


def _filled(default: Value, found: Mapping[str, Any]) -> Value:
    """The defaults with what was read; the keys of the file are the fields of the value."""
    return replace(default, **found)  # type: ignore[type-var]


def _span(value: Any) -> timedelta:
    return timedelta(seconds=duration(value))


def _span_or_none(value: Any) -> timedelta | None:
    """A time span, or false for: not asked."""
    if value is False:
        return None
    try:
        return _span(value)
    except ValueError as error:
        raise ValueError(f"{error}, or false for: not asked") from error


def _notice(value: Any) -> timedelta:
    return timedelta(seconds=duration_or_never(value))


def _incidents(value: Any) -> int | None:
    if value is False:
        return None
    try:
        return int(whole(1, 10_000)(value))
    except ValueError as error:
        raise ValueError(f"{error}, or false for never") from error


def _share(value: Any) -> float | None:
    """Percent of a reseller's customers, as a part of 1; false for never."""
    if value is False:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= _HIGHEST_SHARE:
        raise ValueError("a percentage above 0 and up to 100, such as 5, or false for never")
    return float(value) / 100


_UPLOAD: Mapping[str, Reader] = {
    "vetted": yes_or_no,
    "hash_check_within": _span_or_none,
    "contact_proven": yes_or_no,
    "contact_answers_within": _span_or_none,
}
_LADDER: Mapping[str, Reader] = {
    "incident": _span,
    "decay": _span,
    "silence": yes_or_no,
    "reseller_customers": whole(1, 1_000_000),
}
_RUNG: Mapping[str, Reader] = {"incidents": _incidents, "share": _share, "notice": _notice, "person": yes_or_no}
_APPEAL: Mapping[str, Reader] = {"months": whole(6, 120), "decide_within": _span}
_STATEMENT: Mapping[str, Reader] = {"terms": text, "law": text, "territory": text}
