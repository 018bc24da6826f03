"""Position up to which a mailbox was taken, recorded by the mails' numbers.

So it does not matter who has opened them.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from goodhoster.linux.durable_files import sync_directory


@dataclass(slots=True)
class Position:
    """Position in a mailbox: mails from `next_number` on are new, and so are those `left`."""

    validity: int
    """The numbers mean something for as long as the mailbox has this one (UIDVALIDITY)."""
    next_number: int
    left: list[int]
    """Below that, not taken yet: not opened by anybody when the mailbox was first seen, or not to be had."""
    since: str
    """When the mailbox was first seen (ISO 8601): what came later is ours to take, also when all numbers change."""

    @classmethod
    def first(cls, validity: int, next_number: int, unseen: list[int]) -> Self:
        """Position in a mailbox that was never looked at.

        Its unopened mails are taken, and whatever comes.
        """
        return cls(validity, next_number, unseen, datetime.now(UTC).isoformat())


class PositionFile:
    """File that holds the position in one mailbox."""

    def __init__(self, folder: Path, mailbox: str) -> None:
        self._file = folder / f"imap-{hashlib.sha256(mailbox.encode()).hexdigest()[:16]}.json"

    def read(self) -> Position | None:
        """Read the position; None when the mailbox was never looked at.

        ValueError or OSError when that cannot be told.
        """
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            data = json.loads(content)
            datetime.fromisoformat(data["since"])
            return Position(
                int(data["validity"]), int(data["next_number"]), list(map(int, data["left"])), data["since"]
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self._file} is damaged") from error

    def write(self, position: Position) -> None:
        """Write the position durably. OSError when the disk refuses."""
        draft = self._file.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as opened:
            json.dump(asdict(position), opened)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(self._file)
        sync_directory(self._file.parent)
