"""mod_rewrite: rules and their conditions, on the path of a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.adapters.directories.apache_config import Nodes
from goodhoster.adapters.directories.assumptions import Choices
from goodhoster.adapters.directories.patterns import search
from goodhoster.errors import UnclearRouteError
from goodhoster.model.site_rules import FilesOnDisk

_MOST_RULES = 2000
_FOLLOWED = frozenset(
    {"L", "LAST", "END", "R", "REDIRECT", "F", "FORBIDDEN", "G", "GONE", "NC", "NOCASE", "QSA", "QSAPPEND", "QSD", "PT"}
    | {
        "PASSTHROUGH",
        "NE",
        "NOESCAPE",
        "E",
        "ENV",
        "CO",
        "COOKIE",
        "T",
        "TYPE",
        "P",
        "PROXY",
        "H",
        "HANDLER",
        "DPI",
        "NS",
    }
    | {"NOSUBREQ", "QSDISCARD", "DISCARDPATH"}
)
_REFERENCE = re.compile(r"\\(.)|\$(\d)|%(\d)|%\{([^{}]*)\}|(\$\{|%\{)")


class UnknownValueError(Exception):
    """The name of a variable whose value cannot be known here."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The result of the rules for a request."""

    path: str
    query: str
    changed: bool = False
    ended: str = ""
    """`redirect`, `refused` or `program`: the request ends."""
    through: bool = False
    """PT: aliases count for the new path."""
    final: bool = False
    """END: no rules any more."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """The rules of one place, applied to one request."""

    nodes: Nodes
    variable: Callable[[str], str]
    """Of the request by its name; UnknownValueError for what nobody can know here."""
    disk: FilesOnDisk
    choices: Choices

    def run(self, path: str, query: str) -> Rewritten:
        """Apply rule after rule."""
        done, conditions = Rewritten(path, query), list[tuple[str, ...]]()
        for number, node in enumerate(self.nodes):
            if number > _MOST_RULES:
                raise UnclearRouteError("too many rules")
            if node.name == "rewritecond":
                conditions.append(node.args)
            elif node.name == "rewriterule" and len(node.args) >= 2:  # noqa: PLR2004 - pattern and substitution
                flags = _flags(node.args[2:])
                after = self._rule(done, (node.args[0], node.args[1]), flags, conditions)
                conditions = []
                if after is None:
                    continue
                done = after
                if done.ended or flags.keys() & {"L", "LAST", "END"}:
                    return done
        return done

    def _rule(
        self, before: Rewritten, rule: tuple[str, str], flags: dict[str, str], conditions: Sequence[tuple[str, ...]]
    ) -> Rewritten | None:
        pattern, to = rule
        if strange := flags.keys() - _FOLLOWED:
            raise UnclearRouteError(f"a rule with the flag {min(strange)} is not followed")
        negated = pattern.startswith("!")
        match = search(pattern.removeprefix("!"), before.path, any_case=bool(flags.keys() & {"NC", "NOCASE"}))
        if (match is None) != negated:
            return None
        groups = [] if match is None else [match[0], *(group or "" for group in match.groups())]
        held = self._conditions(conditions, groups)
        if held is None:
            return None
        return self._substituted(before, to, flags, (groups, held))

    def _substituted(
        self, before: Rewritten, to: str, flags: dict[str, str], groups: tuple[list[str], list[str]]
    ) -> Rewritten:
        if flags.keys() & {"F", "FORBIDDEN", "G", "GONE"}:
            return Rewritten(before.path, before.query, changed=True, ended="refused")
        if flags.keys() & {"P", "PROXY"}:
            return Rewritten(before.path, before.query, changed=True, ended="program")
        if flags.keys() & {"H", "HANDLER"}:
            raise UnclearRouteError("a rule that sets a handler")
        final = "END" in flags
        if to == "-":
            code = flags.get("R", flags.get("REDIRECT"))
            if code and not code.startswith("3"):
                return Rewritten(before.path, before.query, changed=True, ended="refused")
            return Rewritten(before.path, before.query, before.changed, before.ended, before.through, final)
        try:
            new = self._filled(to, *groups)
        except UnknownValueError as error:
            raise UnclearRouteError(f"a rule with {error}, which cannot be known here") from error
        path, question, query = new.partition("?")
        if question and query and flags.keys() & {"QSA", "QSAPPEND"}:
            query = "&".join(filter(None, (query, before.query)))
        elif not question:
            query = "" if flags.keys() & {"QSD", "QSDISCARD"} else before.query
        if flags.keys() & {"R", "REDIRECT"} or re.match(r"https?://", path):
            return Rewritten(path, query, changed=True, ended="redirect")
        return Rewritten(path, query, True, "", bool(flags.keys() & {"PT", "PASSTHROUGH"}), final)  # noqa: FBT003

    def _conditions(self, conditions: Sequence[tuple[str, ...]], groups: list[str]) -> list[str] | None:
        """The groups of the last pattern that matched; None where one of them does not hold."""
        held: list[str] = []
        either = False
        passed = True
        for condition in conditions:
            flags = _flags(condition[2:])
            if not (either and passed):
                passed, found = self._holds(condition, groups, held, any_case=bool(flags.keys() & {"NC", "NOCASE"}))
                held = found or held
            either = bool(flags.keys() & {"OR", "ORNEXT"})
            if not either and not passed:
                return None
        return held

    def _holds(
        self, condition: tuple[str, ...], groups: list[str], held: list[str], *, any_case: bool
    ) -> tuple[bool, list[str] | None]:
        test, wanted = condition[0], condition[1] if len(condition) > 1 else ""
        negated, wanted = wanted.startswith("!"), wanted.removeprefix("!")
        try:
            text = self._filled(test, groups, held)
        except UnknownValueError as error:
            return self.choices.of(f"{error}: {' '.join(condition)}"), None
        if wanted in {"-f", "-d", "-s", "-e", "-F"}:
            path = text.encode("utf-8", "surrogateescape")
            there = (wanted != "-d" and self.disk.is_file(path)) or (
                wanted in {"-d", "-e"} and self.disk.is_directory(path)
            )
            return there != negated, None
        if wanted in {"-l", "-h", "-L", "-x"}:
            return negated, None
        if test == "expr" or re.match(r"-(eq|ne|g[et]|l[et]|U)", wanted) or wanted.startswith(("<", ">")):
            raise UnclearRouteError(f"a condition that is not followed: {' '.join(condition)[:80]}")
        if wanted.startswith("="):
            same = text == wanted[1:].strip('"') or (any_case and text.lower() == wanted[1:].strip('"').lower())
            return same != negated, None
        match = search(wanted, text, any_case=any_case)
        found = None if match is None or negated else [match[0], *(group or "" for group in match.groups())]
        return (match is not None) != negated, found

    def _filled(self, text: str, groups: Sequence[str], held: Sequence[str]) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1]:
                return found[1]
            if found[2]:
                return groups[int(found[2])] if int(found[2]) < len(groups) else ""
            if found[3]:
                return held[int(found[3])] if int(found[3]) < len(held) else ""
            if found[4]:
                return self.variable(found[4])
            raise UnclearRouteError("a rule with a RewriteMap")

        return _REFERENCE.sub(value, text)


def _flags(args: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for flag in _split(" ".join(args).strip("[]")):
        name, _, value = flag.strip().partition("=")
        if name:
            found[name.upper()] = value
    return found


def _split(text: str) -> Iterator[str]:
    yield from text.split(",")
