"""Every golden list file is read as the expectation beside it says."""

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import KINDS, ListEntry, ListKind, Reading
from goodhoster.hashlists.formats.recognition import read_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

FOLDER = Path(__file__).parent / "hashlists"
SAMPLES = sorted(path for path in FOLDER.iterdir() if Path(f"{path}.json").is_file())


def expectation(sample: Path) -> dict[str, Any]:
    return json.loads(Path(f"{sample}.json").read_text())


def _told(kind: ListKind, value: bytes) -> list[str]:
    """A digest's length tells its kind; that of a fingerprint is written in the expectation."""
    return [value.hex()] if isinstance(kind, Algorithm) else [kind.value, value.hex()]


def told(entries: list[ListEntry]) -> list[list[str | None]]:
    return [[*_told(kind, value), category and category.value] for kind, value, category in entries]


def reading_of(sample: Path) -> Reading:
    return Reading(sample, Category.UNSPECIFIED)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_reading(sample: Path) -> None:
    expected = expectation(sample)
    reading = reading_of(sample)
    if "entries" in expected:
        assert told(list(read_entries(reading))) == expected["entries"]
        assert dict(reading.passed_over) == expected.get("passed over", {})
        assert (bool(reading.entries) or reading.is_list) is expected.get("is a list", bool(expected["entries"]))
        assert bool(reading.goes_on) is expected.get("goes on", False)
    else:
        with pytest.raises(ConfigurationError) as refusal:
            list(read_entries(reading))
        where = expected.get("where") or f"line {expected['line']}" if "says of the file" not in expected else ""
        assert str(refusal.value).startswith(f"{sample}, {where}: " if where else str(sample))
        assert (expected.get("says") or expected["says of the file"]) in str(refusal.value)
        assert "nothing was imported" in refusal.value.hint
        assert expected.get("advises", "") in refusal.value.hint


def test_every_expectation_has_its_sample() -> None:
    expectations = {Path(f"{sample}.json") for sample in SAMPLES}
    assert {path for path in FOLDER.iterdir() if path.name[0] != "."} == expectations | {*SAMPLES}
    assert len(SAMPLES) > 100


PIPED = [each for each in SAMPLES if "entries" in expectation(each) and each.suffix != ".db"]


@pytest.mark.parametrize("sample", PIPED, ids=lambda sample: sample.name)
def test_what_comes_through_a_pipe_and_packed_is_read_as_the_file_is(tmp_path: Path, sample: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    packed = sample.read_bytes()
    if sample.suffix not in {".gz", ".bz2", ".xz"}:
        packed = gzip.compress(packed)
    writer = threading.Thread(target=lambda: pipe.write_bytes(packed))
    writer.start()
    entries = told(list(read_entries(reading_of(pipe))))
    writer.join()
    assert entries == expectation(sample)["entries"]


def test_the_category_given_stands_where_the_file_tells_none(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"sha1,category\n{'aa' * 20},\n{'bb' * 20},other\n")
    assert [category for *_, category in read_entries(Reading(file, Category.BASELINE))] == ["baseline", "other"]


@pytest.mark.parametrize(
    ("content", "kind"), [("{0}\n", "pdq"), ("hash,note\n{0},x\n", "pdq"), ("{0}  a.jpg\n", "pdq")]
)
def test_a_person_can_tell_what_hashes_are_whose_file_does_not(tmp_path: Path, content: str, kind: str) -> None:
    file = tmp_path / "list"
    file.write_text(content.format("0f" * 32))
    entries = read_entries(Reading(file, Category.OTHER, KINDS[kind]))
    assert list(entries) == [(KINDS[kind], b"\x0f" * 32, Category.OTHER)]


@pytest.mark.parametrize("said", ["sha256", "pdq"])
def test_what_looks_like_pdq_is_what_a_person_says(said: str) -> None:
    entries = list(read_entries(Reading(FOLDER / "pdq-bare.txt", Category.OTHER, KINDS[said])))
    assert {kind.value for kind, *_ in entries} == {said}
    assert len(entries) == 6


@pytest.mark.parametrize(("halves", "others", "suspect"), [(5, 3, True), (4, 4, False), (4, 0, True), (3, 0, False)])
def test_pdqs_are_told_by_their_bits(tmp_path: Path, halves: int, others: int, *, suspect: bool) -> None:
    file = tmp_path / "list"
    lines = [f"{number:02x}" + f"{number ^ 255:02x}" + "0f" * 30 for number in range(halves)]
    lines += [f"{number:02x}" + "07" * 31 for number in range(others)]
    file.write_text("\n".join(lines))
    if suspect:
        with pytest.raises(ConfigurationError, match="look like PDQ") as refusal:
            list(read_entries(reading_of(file)))
        assert "--as pdq" in refusal.value.hint
    else:
        assert len(list(read_entries(reading_of(file)))) == halves + others


def test_a_bad_line_is_shown_shortened(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("aa" * 20 + "\n" + "x" * 5000)
    with pytest.raises(ConfigurationError) as refusal:
        list(read_entries(reading_of(file)))
    assert len(str(refusal.value)) < len(str(file)) + 200


@pytest.mark.parametrize("missing", ["gone.txt", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the list file"):
        list(read_entries(reading_of(tmp_path / missing)))
