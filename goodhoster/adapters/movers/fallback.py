"""For commands: the mover's quarantine while one listens, otherwise this process's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goodhoster.errors import GoodhosterError
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import Upload
from goodhoster.ports import Mover, Quarantine


@dataclass(frozen=True, slots=True)
class MoverOrHere:
    """See `ports.Quarantine`.

    The user who starts a command may have the privileges that the daemon gave up.
    """

    mover: Mover
    here: Quarantine

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        return self._chosen().take_offline(case_id, upload, sha256)

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """See `ports.Quarantine`."""
        return self._chosen().take_all_offline(requests)

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        self._chosen().put_back(case_id, upload, moved=moved)

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        self._chosen().verify_in_place(upload, sha256)

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`."""
        self._chosen().destroy(case_id, upload)

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        self._chosen().prepare(tree)

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        return self._chosen().recover(case_id, upload)

    def _chosen(self) -> Quarantine:
        return self.mover if self.mover.listens() else self.here
