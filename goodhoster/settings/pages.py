"""The sample file and the reference page, made from the settings themselves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goodhoster.settings.reading import Plugged, Section, Several, installed_kinds
from goodhoster.settings.sections import sections
from goodhoster.settings.values import SPANS, Reader, is_required

_SAMPLE_HEAD = """\
# goodhoster.toml: every setting there is. A short one for this host is written by: goodhoster setup
#
# A line such as `#workers = 16` shows a default, or an example where there is none: take the # away to change it.
# More files may lie in conf.d beside this one; they are read in order of their names, and the last word counts.
# After a change: goodhoster config check"""

_REFERENCE_HEAD = """\
# Configuration reference

Made from the program by `goodhoster config reference`; a file with all of this to start from comes from
`goodhoster config sample`.

The file is `/etc/goodhoster/goodhoster.toml` unless `--config` or `$GOODHOSTER_CONFIG` names another. Files
`conf.d/*.toml` beside it are read after it, in order of their names: the last word on a key counts, and sections in
double brackets add up. A relative path starts at the folder of `goodhoster.toml`. A key that is not on this page is
an error."""


def sample() -> str:
    """A goodhoster.toml that loads, with every setting and its help.

    What is not needed is commented out.
    """
    return "\n".join([_SAMPLE_HEAD, *(line for section in sections().values() for line in _sample_of(section)), ""])


def reference() -> str:
    """Markdown: every section, key, default, unit and help."""
    return "\n".join(
        [_REFERENCE_HEAD, *(line for section in sections().values() for line in _reference_of(section)), ""]
    )


def takes(read: Reader) -> str:
    """The values that a reader accepts, in the words of its refusal."""
    try:
        read(object())
    except ValueError as refusal:
        return str(refusal)
    raise TypeError(f"{read} took an object that no TOML file can hold")


def as_toml(value: Any) -> str:
    """A default as an administrator would write it. Numbers with a fraction are spans of time."""
    if isinstance(value, float):
        unit = next(unit for unit in reversed(SPANS) if round(value * 1000) % SPANS[unit] == 0)
        return f'"{round(value * 1000) // SPANS[unit]}{unit}"'
    if isinstance(value, tuple) and value and isinstance(value[-1], int):
        host, port = value
        return f'"[{host}]:{port}"' if ":" in host else f'"{host}:{port}"'
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _sample_of(section: Section) -> Iterator[str]:
    for kind in _kinds(section).values():
        in_force = not isinstance(section, Plugged) and not _only_by_choice(section, kind)
        yield f"\n# {_purpose(kind)}"
        yield section.heading if in_force else f"#{section.heading}"
        for f in _fields(section, kind):
            yield f"# {f.metadata['help']}"
            yield f"{'' if in_force and is_required(f) else '#'}{f.name} = {_shown(f)}"


def _only_by_choice(section: Section, kind: type) -> bool:
    if isinstance(section, Several):
        return not section.needed
    return any(map(is_required, dataclasses.fields(kind)))


def _reference_of(section: Section) -> Iterator[str]:
    yield f"\n## {section.heading}"
    for name, kind in _kinds(section).items():
        if name:
            yield f'\n### kind = "{name}"'
        yield f"\n{_purpose(kind)}\n"
        yield "| key | takes | default | what it does |\n|---|---|---|---|"
        yield from (_row(f) for f in _fields(section, kind))


def _row(f: dataclasses.Field[Any]) -> str:
    default = "needed" if is_required(f) else "none" if _default(f) is None else f"`{as_toml(_default(f))}`"
    cells = (f"`{f.name}`", takes(f.metadata["read"]), default, f.metadata["help"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kinds(section: Section) -> dict[str, type]:
    return installed_kinds(section.group) if isinstance(section, Plugged) else {"": section.kind}


def _fields(section: Section, kind: type) -> Iterator[dataclasses.Field[Any]]:
    """The kind's own settings, then those that all kinds of the section share."""
    yield from dataclasses.fields(kind)
    if isinstance(section, Plugged) and section.common is not None:
        yield from dataclasses.fields(section.common)


def _purpose(kind: type) -> str:
    """The first line of the class's docstring, without the heading that may stand before it."""
    first = (kind.__doc__ or "").partition("\n")[0].rpartition("]: ")[2]
    return first[:1].upper() + first[1:]


def _shown(f: dataclasses.Field[Any]) -> str:
    return f.metadata["example"] or as_toml(_default(f))


def _default(f: dataclasses.Field[Any]) -> Any:
    return f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
