"""Every golden list file is read as the expectation beside it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import ListKind
from goodhoster.hashlists.formats.text_lists import read_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

FOLDER = Path(__file__).parent / "hashlists"
SAMPLES = sorted(path for path in FOLDER.iterdir() if Path(f"{path}.json").is_file())


def expectation(sample: Path) -> dict[str, Any]:
    return json.loads(Path(f"{sample}.json").read_text())


def _told(kind: ListKind, value: bytes) -> list[str]:
    """A digest's length tells its kind; that of a fingerprint is written in the expectation."""
    return [value.hex()] if isinstance(kind, Algorithm) else [kind.value, value.hex()]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_reading(sample: Path) -> None:
    expected = expectation(sample)
    entries = read_entries(sample, Category.UNSPECIFIED)
    if "entries" in expected:
        found = [[*_told(kind, value), category and category.value] for kind, value, category in entries]
        assert found == expected["entries"]
    else:
        with pytest.raises(ConfigurationError) as refusal:
            list(entries)
        where = expected.get("where") or f"line {expected['line']}"
        assert str(refusal.value).startswith(f"{sample}, {where}: ")
        assert expected["says"] in str(refusal.value)
        assert "nothing was imported" in refusal.value.hint


def test_every_expectation_has_its_sample() -> None:
    expectations = {Path(f"{sample}.json") for sample in SAMPLES}
    assert {path for path in FOLDER.iterdir() if path.name[0] != "."} == expectations | {*SAMPLES}
    assert len(SAMPLES) > 40


def test_the_category_given_stands_where_the_file_tells_none(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"sha1,category\n{'aa' * 20},\n{'bb' * 20},other\n")
    assert [category for *_, category in read_entries(file, Category.BASELINE)] == ["baseline", "other"]


def test_a_bad_line_is_shown_shortened(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("aa" * 20 + "\n" + "x" * 5000)
    with pytest.raises(ConfigurationError) as refusal:
        list(read_entries(file, Category.OTHER))
    assert len(str(refusal.value)) < len(str(file)) + 200


@pytest.mark.parametrize("missing", ["gone.txt", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the list file"):
        list(read_entries(tmp_path / missing, Category.OTHER))
