"""The right that each command needs, and which of its parameters name files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What members of a group may do; each of the others includes `see`."""

    SEE = "see"
    DECIDE = "decide"
    CHANGE = "change"
    EXPORT = "export"


_FORM = frozenset({"config", "as_json", "as_csv", "as_csv_", "as_html", "since", "until", "limit", "help"})
"""Parameters that mean the same wherever they are: the form of what is printed, and how much of it."""


@dataclass(frozen=True, slots=True)
class Access:
    """The right that a command needs of whoever is not root, and the files it takes and gives."""

    right: Right | None
    """None: nobody but root."""
    reads: tuple[str, ...] = ()
    """Parameters that name files of the person's: opened by the person, and sent along."""
    stdin: bool = False
    """Whether it reads standard input where none of these is given."""
    writes: str = ""
    """The parameter that names a new file or directory: made here, sent back, and written by the person."""
    labels: tuple[str, ...] = ()
    """Parameters that look like paths and are only compared with others: nothing is opened by them."""
    here: bool = False
    """Whether it needs no state at all, and so runs as whoever typed it."""
    shows: tuple[str, ...] = ()
    """Parameters of a command for whoever sees that only choose what is shown, and in which form."""

    def option_right(self, parameter: str) -> Right | None:
        """The right that a parameter needs beside the command's own; None where it needs no other.

        What is not declared to show needs `decide`: whoever may only see must not be the first to try a new option.
        """
        if self.right is not Right.SEE or parameter in _FORM:
            return None
        declared = {*self.shows, *self.reads, *self.labels, self.writes}
        return None if parameter in declared else Right.DECIDE


ROOT = Access(None)
HERE = Access(None, here=True)
SEE, DECIDE = Access(Right.SEE), Access(Right.DECIDE)
_FILTERS = ("state", "customer", "source")
_PERIOD = ("period",)
CHANGE, EXPORT = Access(Right.CHANGE), Access(Right.EXPORT)

ACCESS: dict[str, Access] = {
    "run": ROOT,
    "demo": HERE,
    "check": ROOT,
    "scan": ROOT,
    "status": Access(Right.SEE, shows=("nagios",)),
    "metrics": SEE,
    "observe": DECIDE,
    "cases list": Access(Right.SEE, shows=(*_FILTERS, "category", "host", "mine")),
    "cases show": Access(Right.SEE, shows=("case_id",)),
    "cases restore": DECIDE,
    "cases confirm": DECIDE,
    "cases cancel": DECIDE,
    "cases note": DECIDE,
    "cases take": DECIDE,
    "cases hand-over": DECIDE,
    "storms list": Access(Right.SEE, shows=_FILTERS),
    "storms show": Access(Right.SEE, shows=("storm_id",)),
    "storms undo": DECIDE,
    "storms release": DECIDE,
    "alerts list": SEE,
    "alerts test": CHANGE,
    "notices receive": Access(Right.DECIDE, reads=("file",), stdin=True),
    "notices list": Access(Right.SEE, shows=(*_FILTERS, "host", "mine")),
    "notices show": Access(Right.SEE, shows=("notice_id", "raw", "reply")),
    "notices confirm": DECIDE,
    "notices dismiss": DECIDE,
    "notices answer": DECIDE,
    "notices tell": DECIDE,
    "notices forward": DECIDE,
    "notices note": DECIDE,
    "notices take": DECIDE,
    "notices hand-over": DECIDE,
    "notices reconcile": Access(Right.SEE, reads=("file",), shows=("notifier",)),
    "evidence list": Access(Right.SEE, shows=("state", "case")),
    "evidence hold": DECIDE,
    "evidence release": DECIDE,
    "evidence export": Access(Right.EXPORT, writes="to"),
    "evidence destroy": ROOT,
    "evidence recipients": ROOT,
    "audit verify": Access(Right.SEE, reads=("checkpoint",)),
    "audit show": Access(Right.SEE, shows=("case", "follow")),
    "audit outcomes": SEE,
    "audit checkpoint": EXPORT,
    "audit keys": SEE,
    "audit change-keys": ROOT,
    "audit export": Access(Right.EXPORT, reads=("since",), writes="to"),
    "report norm": Access(Right.SEE, shows=(*_PERIOD, "traced")),
    "report weekly": Access(Right.SEE, shows=_PERIOD),
    "report conduct": Access(Right.SEE, shows=_PERIOD),
    "report transparency": Access(Right.SEE, writes="xlsx", shows=_PERIOD),
    "report measures": Access(Right.SEE, shows=_PERIOD),
    "report all": Access(Right.EXPORT, writes="to"),
    "report verify": ROOT,
    "report police": EXPORT,
    "report eu-database": EXPORT,
    "report xarf": EXPORT,
    "witness serve": ROOT,
    "witness keys": SEE,
    "customers import": Access(Right.CHANGE, reads=("file",)),
    "customers list": Access(Right.SEE, shows=("state", "reseller", "host", "source", "text")),
    "customers show": Access(Right.SEE, shows=("customer_id",)),
    "customers vet": DECIDE,
    "customers vetting-due": Access(Right.SEE, shows=("within",)),
    "customers identity-message": Access(Right.CHANGE, reads=("file",), stdin=True),
    "customers screen": Access(Right.CHANGE, reads=("file",)),
    "customers findings": Access(Right.SEE, shows=("state", "list_name", "customer")),
    "customers screen-decide": DECIDE,
    "customers verify-contact": DECIDE,
    "customers drill": DECIDE,
    "customers may": Access(Right.SEE, shows=("customer_id", "act")),
    "customers standing": Access(Right.SEE, shows=("customer_id",)),
    "customers measures list": SEE,
    "customers measures confirm": DECIDE,
    "customers measures refuse": DECIDE,
    "customers measures undo": DECIDE,
    "customers measures told": DECIDE,
    "customers measures done": DECIDE,
    "customers statement": Access(Right.SEE, shows=("subject", "preview", "reason")),
    "customers suspend": DECIDE,
    "customers unsuspend": DECIDE,
    "customers suspensions": Access(Right.SEE, shows=("state", "customer", "panel", "suspension_id")),
    "customers appeal": Access(Right.DECIDE, reads=("text",)),
    "customers appeals": Access(Right.SEE, shows=("state", "customer")),
    "customers decide": DECIDE,
    "customers mistakes": SEE,
    "customers legal-basis list": SEE,
    "customers legal-basis set": Access(Right.CHANGE, labels=("tree",)),
    "customers personal-data": HERE,
    "customers export": Access(Right.EXPORT, writes="to"),
    "customers forget": ROOT,
    "policy explain": Access(Right.SEE, shows=("customer", "what_if")),
    "hashlist import": Access(Right.CHANGE, reads=("files",)),
    "hashlist list": SEE,
    "hashlist remove": CHANGE,
    "exemptions build": Access(Right.CHANGE, reads=("origin",)),
    "exemptions list": SEE,
    "exemptions show": Access(Right.SEE, shows=("name",)),
    "exemptions remove": CHANGE,
    "hashservice serve": ROOT,
    "hashservice figures": SEE,
    "hashservice client add": CHANGE,
    "hashservice client list": SEE,
    "hashservice client remove": CHANGE,
    "doors serve": ROOT,
    "doors ask": HERE,
    "doors token add": CHANGE,
    "doors token list": SEE,
    "doors token revoke": CHANGE,
    "people serve": ROOT,
    "people rights": HERE,
    "setup": ROOT,
    "config check": SEE,
    "config sample": HERE,
    "config reference": HERE,
    "config show": SEE,
    "state backup": ROOT,
    "state restore": ROOT,
    "state accept-loss": ROOT,
    "state check": ROOT,
    "doctor": SEE,
}
"""Every command there is; a test compares it with the program."""

_LONGEST = 3
"""Words of a command at most."""


def is_question(arguments: Sequence[str]) -> bool:
    """Whether the command that these arguments name only answers something."""
    words = tuple(itertools.takewhile(lambda word: not word.startswith("-"), arguments))
    named = (" ".join(words[:length]) for length in range(_LONGEST, 0, -1))
    name = next((each for each in named if each in ACCESS), "")
    return name == "check" or (name in ACCESS and ACCESS[name].right is Right.SEE)


TEXTS_THAT_NAME_FILES: dict[str, dict[str, frozenset[str]]] = {"policy explain": {"what_if": frozenset({"incident"})}}
"""Parameters that are text and may name a file: only these words are taken of whoever is not root."""
