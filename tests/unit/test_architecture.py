"""ARCHITECTURE.md agrees with the tree: what it names is there, and what is there it names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "ARCHITECTURE.md").read_text()
LEGEND = TEXT.split("```text\n")[1].split("```")[0]


def legend(root: str) -> set[str]:
    """The names that the legend gives to the parts of one root folder."""
    lines = iter(LEGEND.splitlines())
    next(line for line in lines if line.startswith(root))
    return set(_names(lines))


def _names(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("  "):
            return
        yield from (name.rstrip("/") for name in line[2:28].split())


def parts(folder: str) -> set[str]:
    """The subjects of a package: its folders, and its modules of some size."""
    return {
        path.name
        for path in (CHECKOUT / folder).iterdir()
        if (path.is_dir() and any(path.glob("*.py")))
        or (path.suffix == ".py" and not path.name.startswith("_") and path.stem != "errors")
    }


def test_the_legend_names_every_subject_of_the_library() -> None:
    assert legend("goodhoster/") == parts("goodhoster")


def test_the_legend_names_every_subject_of_the_agent() -> None:
    folders = {name for name in parts("agent/goodhoster_agent") if not name.endswith(".py")}
    assert folders <= legend("agent/goodhoster_agent/")
    assert legend("agent/goodhoster_agent/") <= parts("agent/goodhoster_agent")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:agent/)?goodhoster[\w/]*\.py)`", TEXT))))
def test_a_file_of_a_journey_is_there(path: str) -> None:
    assert (CHECKOUT / path).is_file()


SHORT = TEXT.partition("## Where else to look")[2].partition("## Who may")[0]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/]+\.py)`", SHORT))))
def test_a_file_that_is_named_in_short_is_there(path: str) -> None:
    in_agent = path.removeprefix("agent/")
    assert any((CHECKOUT / "agent/goodhoster_agent").rglob(in_agent)) or any((CHECKOUT / "goodhoster").rglob(path))


def test_it_fits_on_one_screen() -> None:
    assert len(TEXT.splitlines()) <= 100
