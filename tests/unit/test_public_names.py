"""`goodhoster` names what callers use, and carries nothing that was not asked for."""

import subprocess
import sys

import pytest

import goodhoster


@pytest.mark.parametrize("name", goodhoster.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(goodhoster, name).__module__.startswith("goodhoster.")


def test_a_name_that_is_none_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        goodhoster.nothing  # type: ignore[attr-defined]  # noqa: B018 - that is the point


def test_the_words_alone_bring_neither_settings_nor_toolkit() -> None:
    asked = "import sys, goodhoster.model.verdicts; print([name for name in sys.modules if 'goodhoster' in name])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert "goodhoster.model.digests" in told
    assert "goodhoster.settings" not in told
    assert "goodhoster.toolkit" not in told
