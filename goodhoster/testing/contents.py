"""A content index in memory, for tests of what asks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from goodhoster.model.uploads import FileState, Place


class MemoryContents:
    """A content index in memory, which holds the reads that it is given.

    Of each place the state it was in and the SHA-256 of what was in it.
    """

    def __init__(self, reads: Mapping[Place, tuple[FileState, bytes]] | None = None) -> None:
        self.reads = dict(reads or {})

    def same_content(self, sha256: bytes) -> Sequence[Place]:
        """See `ContentIndex`; looks through all reads."""
        return [place for place, (_, digest) in self.reads.items() if digest == sha256]

    def same_file(self, ino: int) -> Sequence[Place]:
        """See `ContentIndex`; looks through all reads."""
        return [place for place, (state, _) in self.reads.items() if state.ino == ino]

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """The SHA-256 of the last read, if it was in that state."""
        known, digest = self.reads.get(place, (None, b""))
        return digest if known == state else None
