"""The Merkle tree hash of RFC 6962 section 2.1 over lines that come one by one, in memory that grows with log n."""

from __future__ import annotations

import hashlib


class MerkleTree:
    """Takes leaves; tells the root over all of them."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []  # perfect subtrees, largest first: (leaves, hash)

    def add(self, leaf: bytes) -> None:
        """One more leaf at the end."""
        size, node = 1, hashlib.sha256(b"\0" + leaf).digest()
        while self._peaks and self._peaks[-1][0] == size:
            size, node = size * 2, _join(self._peaks.pop()[1], node)
        self._peaks.append((size, node))

    def root(self) -> bytes:
        """The tree hash; of no leaves it is SHA-256 of nothing, as the RFC says."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        *peaks, (_, node) = self._peaks
        for _, peak in reversed(peaks):
            node = _join(peak, node)
        return node


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
