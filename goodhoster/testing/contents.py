"""A content index in memory, for tests of what asks one."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.model.uploads import FileState, Place


class NoContents:
    """An index that has not read anything yet."""

    def same_content(self, sha256: bytes) -> Sequence[Place]:
        """None known."""
        del sha256
        return ()

    def same_file(self, dev: int, ino: int) -> Sequence[Place]:
        """None known."""
        del dev, ino
        return ()

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """None known."""
        del place, state
        return None
