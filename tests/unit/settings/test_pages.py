"""The sample loads and tells the truth about every default; the reference leaves no setting out."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from goodhoster.settings import Settings, installed_kinds, load, read_plugged
from goodhoster.settings.pages import as_toml, reference, sample, takes
from goodhoster.settings.reading import Plugged
from goodhoster.settings.sections import sections
from goodhoster.settings.values import duration, is_required, listen_address


def every_setting() -> list[tuple[str, dataclasses.Field[Any]]]:
    """(heading, field) of each."""
    found = []
    for section in sections().values():
        kinds = installed_kinds(section.group).values() if isinstance(section, Plugged) else [section.kind]
        found += [(section.heading, f) for kind in kinds for f in dataclasses.fields(kind)]
    return found


SETTINGS = every_setting()
REFERENCE = reference()
NAMES = [f"{heading} {f.name}" for heading, f in SETTINGS]


def loaded(folder: Path, content: str) -> Settings:
    file = folder / "goodhoster.toml"
    file.write_text(content)
    return load(file)


def test_the_sample_loads_and_leaves_every_default_as_it_is(tmp_path: Path) -> None:
    settings, empty = loaded(tmp_path, sample()), loaded(tmp_path, "")
    for name in sections():
        assert name == "watches" or getattr(settings, name) == getattr(empty, name), name
    assert [str(watch.path) for watch in settings.watches] == ["/srv/customers"]


def test_the_sample_loads_with_every_line_in_force(tmp_path: Path) -> None:
    content = re.sub(r"^#(?=\S)", "", sample(), flags=re.MULTILINE)
    settings = loaded(tmp_path, content)
    kinds = installed_kinds("goodhoster.hash_sources")
    assert [source.kind for source in settings.hash_sources] == list(kinds)
    assert all(read_plugged(source, kinds) for source in settings.hash_sources)


@pytest.mark.parametrize(("heading", "f"), SETTINGS, ids=NAMES)
def test_every_setting_is_on_the_page_and_can_be_shown(heading: str, f: dataclasses.Field[Any]) -> None:
    assert f.metadata["help"].endswith(".")
    assert takes(f.metadata["read"])
    assert f"## {heading}" in REFERENCE
    assert f"| `{f.name}` |" in REFERENCE
    if f.default is None or is_required(f):
        assert f.metadata["example"], "the sample needs an example"


@pytest.mark.parametrize(("heading", "f"), SETTINGS, ids=NAMES)
def test_a_default_that_is_shown_reads_as_the_default(heading: str, f: dataclasses.Field[Any]) -> None:
    default = f.default_factory() if callable(f.default_factory) else f.default
    if not is_required(f) and default is not None:
        assert f.metadata["read"](tomllib.loads(f"x = {as_toml(default)}")["x"]) == default, heading


@pytest.mark.parametrize(
    ("value", "shown", "read"),
    [
        (0.25, '"250ms"', duration),
        (90.0, '"90s"', duration),
        (5400.0, '"90m"', duration),
        (86400.0, '"1d"', duration),
        (("::1", 80), '"[::1]:80"', listen_address),
    ],
)
def test_values_are_shown_as_an_administrator_writes_them(value: Any, shown: str, read: Any) -> None:  # noqa: ANN401
    assert as_toml(value) == shown
    assert read(tomllib.loads(f"x = {shown}")["x"]) == value


def test_a_bar_does_not_break_the_table() -> None:
    rows = [line for line in REFERENCE.splitlines() if line.startswith("| `")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
