"""Letters on disk."""

from datetime import UTC, datetime
from pathlib import Path

from goodhoster.errors import PermanentError
from goodhoster.letters.outbox import Outbox
from goodhoster.model.letters import Letter, LetterKind


class Refusing:
    def send(self, letter: Letter) -> None:
        raise PermanentError(f"no such receiver: {letter.to}")

    def close(self) -> None:
        pass


def test_an_address_that_a_stranger_made_up_calls_for_no_help(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, lambda: datetime.now(UTC), 3)
    for name, limited in (("stranger", True), ("customer", False)):
        outbox.put(Letter(name, LetterKind.RECEIPT, f"{name}@nowhere.example", "x", "x", limited=limited))
    assert outbox.deliver(Refusing()) == 0
    assert sorted(file.stem for file in (tmp_path / "refused").iterdir()) == ["customer", "stranger"]
    assert outbox.refused() == 1
