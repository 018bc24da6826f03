"""The quarantine through the mover, a separate process, over a socket.

One connection, one order or batch, one answer (`model.mover_messages`).
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from goodhoster.errors import BusyError, GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.linux.kernel import reachable
from goodhoster.model.mover_messages import (
    LARGEST_BATCH,
    LONGEST_MESSAGE,
    BatchAnswer,
    MoveAnswer,
    MoveBatch,
    MoveOrder,
    MoveOutcome,
    MoverVerb,
    time_limit,
)
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload

Answer = TypeVar("Answer")
_ERRORS: dict[MoveOutcome, type[GoodhosterError]] = {
    MoveOutcome.REFUSED: RefusedError,
    MoveOutcome.PASSING: BusyError,
    MoveOutcome.FAILED: QuarantineError,
}
_NO_STATE = FileState(0, 0, 0, 0, 0)
_GRACE = 5.0
"""Seconds that the mover has beyond its own limit: it ends itself first."""
_LONGEST_PATH = 1024
"""Bytes of a path in a batch: so many fit in a message."""
_HINT = "the measure waits and is done when the mover is back; see: goodhoster status"


@dataclass(frozen=True, slots=True)
class MoverQuarantine:
    """See `ports.Quarantine`. Threads may share it: the movers take several orders at once."""

    address: Path

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        return self._ask(MoveOrder.about(MoverVerb.TAKE_OFFLINE, case_id, upload, sha256))

    def take_all_offline(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        """See `ports.Quarantine`."""
        results: dict[int, str | GoodhosterError] = {}
        for numbers in _batches(requests):
            results |= zip(numbers, self._batch([requests[number] for number in numbers]), strict=True)
        return [results[number] for number in range(len(requests))]

    def _batch(self, requests: Sequence[QuarantineRequest]) -> list[str | GoodhosterError]:
        orders = [MoveOrder.about(MoverVerb.TAKE_OFFLINE, each.case_id, each.upload, each.sha256) for each in requests]
        try:
            if len(orders) == 1:
                return [self._ask(orders[0])]
            message = MoveBatch(tuple(orders)).to_bytes()
            limit = time_limit(sum(order.state.size for order in orders))
            answers = self._answer(message, limit + _GRACE, BatchAnswer.from_bytes).answers
            if len(answers) != len(orders):
                raise self._not_understood()
        except ValueError:  # too long for one message
            return [result for each in requests for result in self._batch([each])]
        except GoodhosterError as error:
            return [error] * len(orders)
        return [_result(answer) for answer in answers]

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(MoverVerb.PUT_BACK_MOVED if moved else MoverVerb.PUT_BACK, case_id, upload))

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(MoverVerb.VERIFY_IN_PLACE, "", upload, sha256))

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(MoverVerb.DESTROY, case_id, upload))

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(MoverVerb.PREPARE, "", Upload(Place(tree, b""), "", _NO_STATE)))

    def recover(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        return Whereabouts(self._ask(MoveOrder.about(MoverVerb.RECOVER, case_id, upload)))

    def ping(self) -> None:
        """Check that the mover is there and takes our orders; PassingError when not."""
        nothing = Upload(Place(b"", b""), "", _NO_STATE)
        self._ask(MoveOrder.about(MoverVerb.PING, "", nothing))

    def listens(self) -> bool:
        """Return whether a mover takes orders there. Never waits for the order in progress."""
        try:
            self._connected(timeout=1.0).close()
        except OSError:
            return False
        return True

    def _connected(self, timeout: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        connection.settimeout(timeout)
        try:
            with reachable(self.address) as short:
                connection.connect(short)
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, order: MoveOrder) -> str:
        try:
            message = order.to_bytes()
        except ValueError as error:
            raise QuarantineError(f"{order.case_id}: the order cannot be sent to the mover: {error}") from error
        result = _result(self._answer(message, time_limit(order.state.size) + _GRACE, MoveAnswer.from_bytes))
        if isinstance(result, GoodhosterError):
            raise result
        return result

    def _answer(self, message: bytes, timeout: float, read: Callable[[bytes], Answer]) -> Answer:
        try:
            with self._connected(timeout) as connection:
                connection.send(message)
                reply = connection.recv(LONGEST_MESSAGE)
        except OSError as error:
            raise PassingError(f"the mover at {self.address} cannot be reached: {error}", hint=_HINT) from error
        if not reply:
            raise PassingError(f"the mover at {self.address} ended before it answered", hint=_HINT)
        try:
            return read(reply)
        except ValueError as error:
            raise self._not_understood() from error

    def _not_understood(self) -> PassingError:
        return PassingError(f"the mover at {self.address} sent an answer that cannot be understood", hint=_HINT)


def _result(answer: MoveAnswer) -> str | GoodhosterError:
    return answer.text if answer.outcome is MoveOutcome.DONE else _ERRORS[answer.outcome](answer.text, hint=answer.hint)


def _batches(requests: Sequence[QuarantineRequest]) -> list[list[int]]:
    """Numbers of the requests that go together.

    They are of one tree, in messages that are not too long.
    """
    batches: list[list[int]] = []
    trees: dict[bytes, list[int]] = defaultdict(list)
    for number, request in enumerate(requests):
        place = request.upload.place
        if len(place.path) > _LONGEST_PATH:
            batches.append([number])
        else:
            trees[place.tree].append(number)
    for numbers in trees.values():
        batches += [numbers[begin : begin + LARGEST_BATCH] for begin in range(0, len(numbers), LARGEST_BATCH)]
    return batches
