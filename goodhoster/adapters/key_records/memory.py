"""Key records in memory, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from goodhoster.errors import PassingError


class MemoryKeyRecords:
    """A fixed set of key records; while `down`, no answer."""

    def __init__(self, records: Mapping[str, str]) -> None:
        self.records = dict(records)
        self.asked: list[str] = []
        self.down = False

    def texts(self, name: str) -> tuple[str, ...]:
        """The record of that name, if there is one."""
        self.asked.append(name)
        if self.down:
            raise PassingError(f"no name server answered for {name}", hint="tests said so")
        record = self.records.get(name.lower().rstrip("."))
        return (record,) if record else ()
