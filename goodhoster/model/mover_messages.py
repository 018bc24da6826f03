"""Messages between the case desk and the mover.

One order, or one batch, and its answer per connection.

An order names a tree by its id, never by a path: which trees there are, the mover knows from its own configuration.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from goodhoster.model.uploads import FileState, Place, Upload

LONGEST_MESSAGE = 192 << 10
"""Bytes; fits in a socket's default buffer, and a path of 100 KB in it."""
LARGEST_BATCH = 50
"""Orders."""
LONGEST_TEXT = 300
"""Characters of a text in an answer to a batch: so many of them fit in a message, whatever they are made of."""
_DIGEST = 32
_NUMBER_LIMIT = 1 << 64


class MoverVerb(StrEnum):
    """The calls of `ports.Quarantine`, and one that only asks whether somebody is there."""

    TAKE_OFFLINE = "take-offline"
    PUT_BACK = "put-back"
    PUT_BACK_MOVED = "put-back-moved"
    """`put_back` where a person says that another directory than before is the right one."""
    RECOVER = "settle"  # the word that movers of earlier versions know
    VERIFY_IN_PLACE = "verify-in-place"
    DESTROY = "destroy"
    PREPARE = "prepare"
    PING = "greet"
    """Changes nothing; the answer comes from whoever listens and trusts us. Its value is what earlier versions send:
    a mover of one may still run."""


class MoveOutcome(StrEnum):
    """How an order ended; all but the first are errors of that name."""

    DONE = "done"
    REFUSED = "refused"
    PASSING = "passing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """One call."""

    verb: MoverVerb
    case_id: str
    tree: str
    """See `tree_id`."""
    path: bytes
    customer: str
    state: FileState
    sha256: bytes

    @classmethod
    def about(cls, verb: MoverVerb, case_id: str, upload: Upload, sha256: bytes = bytes(_DIGEST)) -> Self:
        """The order for that call of the port."""
        place = upload.place
        return cls(verb, case_id, tree_id(place.tree), place.path, upload.customer, upload.state, sha256)

    def upload(self, tree: bytes) -> Upload:
        """What it is about, in the tree of that id."""
        return Upload(Place(tree, self.path), self.customer, self.state)

    def to_bytes(self) -> bytes:
        """The message. ValueError when it is longer than a message may be."""
        return _message(self.values())

    def values(self) -> dict[str, Any]:
        """The fields of the message."""
        s = self.state
        return {
            "verb": self.verb,
            "case": self.case_id,
            "tree": self.tree,
            "path": base64.b64encode(self.path).decode(),
            "customer": self.customer,
            "state": [s.dev, s.ino, s.size, s.mtime_ns, s.ctime_ns],
            "sha256": self.sha256.hex(),
        }

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read a message of whoever. ValueError when anything in it is not valid."""
        return cls.of_values(_loaded(message))

    @classmethod
    def of_values(cls, values: object) -> Self:
        """Read the fields of a message. ValueError as `from_bytes`."""
        data = _fields(values, ("verb", "case", "tree", "path", "customer", "state", "sha256"))
        path = base64.b64decode(_text(data["path"]), validate=True)
        sha256 = bytes.fromhex(_text(data["sha256"]))
        if path.startswith(b"/") or b"\0" in path or b".." in path.split(b"/") or len(sha256) != _DIGEST:
            raise ValueError("a path out of the tree, or no SHA-256")
        verb, case_id, tree, customer = (_text(data[name]) for name in ("verb", "case", "tree", "customer"))
        return cls(MoverVerb(verb), case_id, tree, path, customer, _state(data["state"]), sha256)


@dataclass(frozen=True, slots=True)
class MoveAnswer:
    """What came of an order."""

    outcome: MoveOutcome
    text: str = ""
    """What the call returned, or what went wrong."""
    hint: str = ""

    def to_bytes(self) -> bytes:
        """The message."""
        return _message(self.values())

    def values(self) -> dict[str, Any]:
        """The fields of the message."""
        return {"outcome": self.outcome, "text": self.text, "hint": self.hint}

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read a message. ValueError when anything in it is not valid."""
        return cls.of_values(_loaded(message))

    @classmethod
    def of_values(cls, values: object) -> Self:
        """Read the fields of a message. ValueError as `from_bytes`."""
        data = _fields(values, ("outcome", "text", "hint"))
        return cls(MoveOutcome(_text(data["outcome"])), _text(data["text"]), _text(data["hint"]))

    def shortened(self) -> Self:
        """This answer with texts that fit in the answer to a batch."""
        return replace(self, text=self.text[:LONGEST_TEXT], hint=self.hint[:LONGEST_TEXT])


@dataclass(frozen=True, slots=True)
class MoveBatch:
    """Files of one tree that are to be taken offline together, no file twice."""

    orders: tuple[MoveOrder, ...]

    def to_bytes(self) -> bytes:
        """The message. ValueError when it is longer than a message may be."""
        return _message({"batch": [order.values() for order in self.orders]})

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read a message of whoever. ValueError when anything in it is not valid."""
        orders = tuple(map(MoveOrder.of_values, _list(_fields(_loaded(message), ("batch",))["batch"])))
        alike = {(order.verb, order.tree) for order in orders}
        files = {order.state.ino for order in orders}
        if len(alike) != 1 or orders[0].verb is not MoverVerb.TAKE_OFFLINE or len(files) != len(orders):
            raise ValueError("another verb than taking offline, several trees, or a file twice")
        return cls(orders)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came of each order of a batch."""

    answers: tuple[MoveAnswer, ...]

    def to_bytes(self) -> bytes:
        """The message; long texts are cut off."""
        return _message({"answers": [answer.shortened().values() for answer in self.answers]})

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read a message. ValueError when anything in it is not valid."""
        return cls(tuple(map(MoveAnswer.of_values, _list(_fields(_loaded(message), ("answers",))["answers"]))))


def read_order(message: bytes) -> MoveOrder | MoveBatch:
    """Read a message of whoever. ValueError when it is neither."""
    return MoveBatch.from_bytes(message) if message.startswith(b'{"batch":') else MoveOrder.from_bytes(message)


def time_limit(size: int) -> float:
    """Seconds that an order about a file of so many bytes may take: it is read once."""
    return 60.0 + size / 20_000_000


def tree_id(root: bytes) -> str:
    """The id of a tree: the same for the same absolute path in every process and configuration."""
    return hashlib.sha256(root).hexdigest()[:16]


def _message(data: dict[str, Any]) -> bytes:
    message = json.dumps(data).encode("ascii")
    if len(message) > LONGEST_MESSAGE:
        raise ValueError(f"a message of {len(message)} bytes is too long")
    return message


def _loaded(message: bytes) -> object:
    if len(message) > LONGEST_MESSAGE:
        raise ValueError("too long")
    try:
        return json.loads(message)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _fields(values: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(values, dict) or set(values) != set(names):
        raise ValueError("other fields than a message has")
    return values


def _list(values: object) -> list[object]:
    if not isinstance(values, list) or not 1 <= len(values) <= LARGEST_BATCH:
        raise ValueError("no list, or not of 1 to the most")
    return values


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - one error for all that is not valid
    return value


def _state(values: object) -> FileState:
    if not isinstance(values, list) or not all(type(v) is int and -_NUMBER_LIMIT < v < _NUMBER_LIMIT for v in values):
        raise ValueError("not the state of a file")
    try:
        return FileState(*values)
    except TypeError as error:
        raise ValueError("not the state of a file") from error
