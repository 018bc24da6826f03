"""Every golden file of WordPress's published checksums is read as the expectation beside it says."""

import json
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.exemptions.wordpress_checksums import read_checksums

FOLDER = Path(__file__).parent / "checksums"
SAMPLES = sorted(path for path in FOLDER.iterdir() if Path(f"{path}.json").is_file())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_reading(sample: Path) -> None:
    expected = json.loads(Path(f"{sample}.json").read_text())
    if "error" in expected:
        with pytest.raises(ConfigurationError) as refusal:
            read_checksums(sample)
        assert str(refusal.value) == f"{sample} cannot be used as published checksums: {expected['error']}"
    else:
        found = read_checksums(sample)
        assert list(found.versions) == expected["versions"]
        assert [content.md5.hex() for content in found.contents] == expected["md5"]
        assert not any(content.sha1 or content.sha256 for content in found.contents)


def test_every_expectation_has_its_sample() -> None:
    assert {*FOLDER.iterdir()} == {*SAMPLES} | {Path(f"{sample}.json") for sample in SAMPLES}
    assert len(SAMPLES) == 12


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the checksums"):
        read_checksums(tmp_path / "gone.json")
