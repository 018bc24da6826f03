"""What the process `goodhoster` ends with."""

import pytest

from goodhoster_agent import cli


def test_a_fault_of_ours_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 would say "known", or "not whole"."""
    monkeypatch.setattr(cli, "app", lambda **_: [].pop())
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 3
    assert "IndexError: pop from empty list" in capsys.readouterr().err
