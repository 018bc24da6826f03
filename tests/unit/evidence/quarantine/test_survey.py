"""What lies in quarantine and could not be put back as it was is named with the reason."""

import os
from pathlib import Path

import pytest

from goodhoster.evidence.quarantine.metadata import set_guards
from goodhoster.evidence.quarantine.survey import damaged
from tests.unit.cases.test_desk import Services


@pytest.mark.parametrize(
    ("suffix", "content", "why"),
    [
        (".label", None, "label is missing"),
        (".label", b"{", "is damaged"),
        ("", b"overwritten", "it has 11 bytes, and 5 were taken"),
    ],
)
def test_what_is_wrong_with_one_file_is_told_and_the_others_are_not(
    tmp_path: Path, suffix: str, content: bytes | None, why: str
) -> None:
    services = Services(tmp_path)
    cases = [services.receive(services.upload(f"anna/{name}.jpg")) for name in "ab"]
    tree = os.fsencode(services.tree)
    assert list(damaged(tree)) == []
    (folder,) = Path(services.tree).glob("**/quarantine")
    file = folder / (cases[0].id + suffix)
    opened = os.open(file, os.O_RDONLY)
    set_guards(opened, 0)
    os.close(opened)
    file.unlink() if content is None else file.write_bytes(content)
    ((name, told),) = damaged(tree)
    assert name == cases[0].id
    assert why in told
    services.store.close()
