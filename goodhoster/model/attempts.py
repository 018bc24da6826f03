"""An attempt: contents that an application asks about before it stores them.

There is no file of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.uploads import Place

_NO_TREE = b""
_LONGEST_NAME = 4096


class AttemptOutcome(StrEnum):
    """What an application says it did."""

    REFUSED = "refused"
    """It was not stored."""
    DELETED = "deleted"
    """It had been stored, and was removed."""
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who wants to store something, as far as a door can tell."""

    customer: str
    """Whose upload it would be."""
    application: str = ""
    """The application that asks, such as "wordpress"; empty where it did not say."""
    name: str = ""
    """The file's name as the application gave it (bytes that are no UTF-8 as surrogates); empty where it gave none."""
    door: str = ""
    """Where it asked, such as "clamd"."""
    peer: str = ""
    """Who was at the other end, such as "uid 33" or an address."""
    proven: bool = True
    """Whether the door proves who asks. Else it is taken for that customer's, and is no customer more in a storm."""

    @property
    def place(self) -> Place:
        """The name in the form of a place, which is below no tree and never opened."""
        name = self.name[:_LONGEST_NAME]
        try:
            return Place(_NO_TREE, name.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:  # what JSON can say and no name can be
            return Place(_NO_TREE, name.encode("utf-8", "backslashreplace"))
