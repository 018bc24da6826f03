"""What is asked about customers' files: taking them offline, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from goodhoster.model.notices import Site
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload


class Quarantine(Protocol):
    """Takes a file offline on its own file system and puts it back; never touches any other file.

    After a crash at any point `settle` says where the file is, and every call may be made again. Each raises
    PassingError (nothing was changed) when whoever moves files for us cannot be reached.
    """

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """Move exactly that file out of the customer's reach, lock it and read back that it is so.

        Exactly that file: the same inode with these bytes, whatever its times say. Returns what could not be locked, in
        words, or "". Raises RefusedError when the place no longer holds it (nothing changed), QuarantineError when it
        could not be done.
        """

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """The exact inverse: bytes, name, owner, group, mode, times, ACL, flags; read back before the name is given.

        Raises RefusedError when the name is taken or the directory is not the one it was (`moved`: a person says that
        it is the right one all the same), QuarantineError when it could not be done or verified. Either way the file
        stays in quarantine, locked.
        """

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """Return when the place holds a file with these bytes that its owner can read; RefusedError says why not."""

    def prepare(self, tree: bytes) -> None:
        """Make the quarantine of a tree, and the room that a full disk must not take; may be called again.

        Raises QuarantineError when that cannot be done.
        """

    def settle(self, case_id: str, upload: Upload) -> Whereabouts:
        """After a crash: finish locking a file that was moved, forget an intention that was not; say where it is.

        Raises QuarantineError when that cannot be said, such as while its file system is not mounted.
        """


class Mover(Quarantine, Protocol):
    """A quarantine worked by another process, which may be away."""

    def listens(self) -> bool:
        """Does anybody take orders now? Never waits for the one that is under way."""

    def greet(self) -> None:
        """Returns when the mover is there and takes our orders; PassingError when not."""


class Directory(Protocol):
    """Knows which sites this host serves and where their files are: a panel, a web server's configuration, a list."""

    @property
    def name(self) -> str:
        """How messages call it."""

    def sites(self) -> Sequence[Site]:
        """Every site as it is configured now. Raises GoodhosterError when it cannot tell; never half a list."""


class ContentIndex(Protocol):
    """Where the same bytes are, as the upload index knows."""

    def same_content(self, sha256: bytes) -> Sequence[Place]:
        """Every place whose last read had that digest."""

    def same_file(self, ino: int) -> Sequence[Place]:
        """Every place that was last seen with that inode number, on whatever disk: the number of a disk may change."""

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """The digest of that place in exactly that state; None when it was not read in it."""
