"""Ports of customers' files: taking them offline, and finding them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from goodhoster.errors import GoodhosterError
from goodhoster.model.notices import Site
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload


class Quarantine(Protocol):
    """Takes a file offline on its own file system and restores it; never touches any other file.

    After a crash at any point `recover` says where the file is, and every call may be made again. Each raises
    PassingError (nothing was changed) when the process that moves files for us cannot be reached.
    """

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """Move exactly that file out of the customer's reach, lock it and read back that it is so.

        Exactly that file: the same inode with these bytes, whatever its times say. Returns what could not be locked, in
        words, or "". Raises RefusedError when the place no longer holds it (nothing changed), QuarantineError when it
        could not be done.
        """

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """Do the same for several files, no file twice, so that they wait for the disk together.

        Each is taken or not by itself: returns for each what `take_offline` would return or raise, in their order.
        """

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """Restore a file exactly: bytes, name, owner, group, mode, times, ACL, flags.

        All is read back before the name is given. Raises RefusedError when the name is taken or the directory
        is not the same as before (`moved`: a person confirms that it is the right one all the same),
        QuarantineError when it could not be done or verified. Either way the file stays in quarantine, locked.
        """

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """Verify that the place holds a file with these bytes that its owner can read.

        Returns when it does; RefusedError says why not.
        """

    def destroy(self, case_id: str, upload: Upload) -> None:
        """Destroy a file that lies in quarantine, for good: there is no inverse.

        Fine where it does not lie there.

        Raises RefusedError where that is not set up, where the file has not lain there for as long as is set up, and
        where it has names outside quarantine by which its bytes would stay; QuarantineError when it could not be done.
        """

    def prepare(self, tree: bytes) -> None:
        """Create the quarantine of a tree and its reserve of disk space; may be called again.

        The reserve is room that a full disk must not take. Raises QuarantineError when that cannot be done.
        """

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """Complete or discard an interrupted move after a crash, and say where the file is.

        A file that was moved is locked to the end, an intention that was not carried out is forgotten. Raises
        QuarantineError when it cannot be said where the file is, such as while its file system is not mounted.
        """


class Mover(Quarantine, Protocol):
    """A quarantine operated by another process, which may be away."""

    def listens(self) -> bool:
        """Whether a mover takes orders now. Never waits for the one that is under way."""

    def ping(self) -> None:
        """Check that the mover is there and takes our orders; PassingError when not."""


class Directory(Protocol):
    """The sites that this host serves and where their files are.

    Taken from a panel, a web server's configuration or a list.
    """

    @property
    def name(self) -> str:
        """The directory's name in messages."""

    def sites(self) -> Sequence[Site]:
        """Every site as it is configured now.

        Raises GoodhosterError when it cannot tell; never returns half a list.
        """


class ContentIndex(Protocol):
    """An index of the places that hold the same bytes, as the upload index knows."""

    def same_content(self, sha256: bytes) -> Sequence[Place]:
        """Every place whose last read had that digest."""

    def same_file(self, ino: int) -> Sequence[Place]:
        """Every place that was last seen with that inode number, on any disk.

        The device number of a disk may change, so it is not compared.
        """

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """The digest of that place in exactly that state; None when it was not read in it."""
