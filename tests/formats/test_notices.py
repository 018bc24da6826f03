"""Every golden notice is read as the expectation beside it says; what is written of it can be read back."""

import json
from pathlib import Path
from typing import Any

import pytest

from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice
from goodhoster.notices.reading.encoding import notice_of, plain
from goodhoster.notices.reading.pool import ReaderPool
from goodhoster.notices.reading.reader import read

FOLDER = Path(__file__).parent / "notices"
SAMPLES = sorted(path for path in FOLDER.iterdir() if path.suffix not in {".json", ""})


def raw(sample: Path) -> RawNotice:
    suffix = sample.suffix.removeprefix(".")
    return RawNotice(Carrier.MAIL if suffix == "eml" else Carrier(suffix), sample.read_bytes())


def expectation(sample: Path) -> dict[str, Any]:
    return json.loads(Path(f"{sample}.json").read_text())


def without_mentions(read_as: dict[str, Any]) -> dict[str, Any]:
    """What only looks like a name of a host is one: an expectation tells only those that must be there."""
    return {key: value for key, value in read_as.items() if key != "mentions"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_reading(sample: Path) -> None:
    found, expected = plain(read(raw(sample))), expectation(sample)
    assert without_mentions(found) == without_mentions(expected)
    assert set(expected.get("mentions", ())) <= set(found.get("mentions", ()))


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.suffix == ".eml"], ids=lambda sample: sample.name)
def test_a_mail_is_read_the_same_with_the_line_ends_that_it_has_on_the_way(sample: Path) -> None:
    lines = raw(sample).content.replace(b"\r\n", b"\n")
    found = [plain(read(RawNotice(Carrier.MAIL, lines.replace(b"\n", end)))) for end in (b"\n", b"\r\n")]
    assert found[0] == found[1]


def test_the_reading_room_reads_all_of_them_the_same() -> None:
    with ReaderPool() as room:
        for sample in SAMPLES:
            found = without_mentions(plain(room.read(raw(sample))))
            assert found == without_mentions(expectation(sample)), sample.name


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_is_written_of_a_notice_is_read_back(sample: Path) -> None:
    written = plain(read(raw(sample)))
    assert plain(notice_of(json.loads(json.dumps(written)))) == written


def test_every_expectation_has_its_sample_and_every_format_a_sample() -> None:
    assert {Path(f"{sample}.json") for sample in SAMPLES} == set(FOLDER.glob("*.json"))
    assert {expectation(sample)["format"] for sample in SAMPLES} == set(NoticeFormat)
