"""The mover's server: it takes orders, a few at a time.

Most of an order is waiting for the disk. A wrong message or a slow peer costs its own connection only.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from goodhoster.errors import GoodhosterError, PassingError, RefusedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.model.mover_messages import (
    LONGEST_MESSAGE,
    BatchAnswer,
    MoveAnswer,
    MoveBatch,
    MoveOrder,
    MoveOutcome,
    MoverVerb,
    read_order,
    time_limit,
)
from goodhoster.model.quarantine import QuarantineRequest
from goodhoster_agent.privileged.mover.file_locks import FileLocks

_log = logging.getLogger(__name__)
CREDENTIALS = struct.Struct("3i")
"""Process, user and group of a peer (SO_PEERCRED, unix(7))."""
_PEER_TIMEOUT = 5.0
"""Seconds for a peer to send its one message and to take the answer."""

ORDERS_AT_ONCE = 4
"""In one mover: their syncs wait for the disk side by side."""

FindTree = Callable[[str], bytes | None]


class Server:
    """Takes orders on a listening socket.

    `find_tree` knows the path of a tree by its id; `trusted` are the user ids whose orders
    are taken; `locks` are those of all movers. `destroy_after`: seconds that a file must have lain in quarantine before
    it may be destroyed, by the mover's own reading of the configuration; None: never, whoever orders it.
    """

    def __init__(
        self, find_tree: FindTree, trusted: frozenset[int], locks: FileLocks, destroy_after: float | None = None
    ) -> None:
        self._find_tree = find_tree
        self._trusted = trusted
        self._locks = locks
        self._destroy_after = destroy_after
        self._limits = TimeLimits()

    def serve(self, listener: socket.socket) -> None:
        """Take orders for as long as the process lives.

        In threads, while this one watches their time limits.
        """
        for number in range(ORDERS_AT_ONCE):
            threading.Thread(target=self._serve, args=(listener,), name=f"order-{number}", daemon=True).start()
        self._limits.watch()

    def _serve(self, listener: socket.socket) -> None:
        """Serve in a thread; a fault of ours ends the process, not this thread alone.

        It is started again.
        """
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    self.serve_connection(connection)
        except BaseException:  # noqa: BLE001 - whatever it is, a mover with a thread fewer would be silent
            _log.exception("an order could not be processed")
            os._exit(1)

    def serve_connection(self, connection: socket.socket) -> None:
        """Serve one peer and one order, or one batch of them."""
        connection.settimeout(_PEER_TIMEOUT)
        _, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        if uid not in self._trusted:
            _log.warning("orders of user %d are not accepted", uid)
            return
        try:
            message = connection.recv(LONGEST_MESSAGE + 1)
            if message:
                connection.send(self._answer(message).to_bytes())
        except OSError as error:
            _log.warning("the connection of user %d was closed: %s", uid, error)

    def _answer(self, message: bytes) -> MoveAnswer | BatchAnswer:
        try:
            order = read_order(message)
        except ValueError as error:
            return MoveAnswer(MoveOutcome.REFUSED, f"invalid order: {error}")
        if isinstance(order, MoveBatch):
            return BatchAnswer(tuple(self._answers(order.orders)))
        try:
            with self._locks.held(order.state.ino), self._limits.within(time_limit(order.state.size)):
                return MoveAnswer(MoveOutcome.DONE, self._carry_out(order))
        except GoodhosterError as error:
            return _failed(error)

    def _answers(self, orders: Sequence[MoveOrder]) -> list[MoveAnswer]:
        """Take files offline together.

        One that another order is about just now waits for another time.
        """
        try:
            tree = self._known_tree(orders[0])
        except PassingError as error:
            return [_failed(error)] * len(orders)
        limit = time_limit(sum(order.state.size for order in orders))
        with self._locks.free_among([order.state.ino for order in orders]) as free, self._limits.within(limit):
            ours = [order for order in orders if order.state.ino in free]
            requests = [QuarantineRequest(order.case_id, order.upload(tree), order.sha256) for order in ours]
            results = iter(LocalQuarantine((tree,)).take_all_offline(requests))
            busy = MoveAnswer(MoveOutcome.PASSING, "another order about that file is under way")
            return [_result(next(results)) if order.state.ino in free else busy for order in orders]

    def _known_tree(self, order: MoveOrder) -> bytes:
        tree = self._find_tree(order.tree)
        if tree is None:
            hint = "restart the mover when [[watch]] has changed and this stays"
            raise PassingError("the mover does not know that tree", hint=hint)
        return tree

    def _carry_out(self, order: MoveOrder) -> str:
        if order.verb is MoverVerb.PING:
            return ""
        tree = self._known_tree(order)
        upload, quarantine = order.upload(tree), LocalQuarantine((tree,))
        match order.verb:
            case MoverVerb.TAKE_OFFLINE:
                return quarantine.take_offline(order.case_id, upload, order.sha256)
            case MoverVerb.RECOVER:
                return quarantine.recover(order.case_id, upload)
            case MoverVerb.PUT_BACK | MoverVerb.PUT_BACK_MOVED:
                quarantine.put_back(order.case_id, upload, moved=order.verb is MoverVerb.PUT_BACK_MOVED)
            case MoverVerb.VERIFY_IN_PLACE:
                quarantine.verify_in_place(upload, order.sha256)
            case MoverVerb.DESTROY:
                LocalQuarantine((tree,), self._destroy_after).destroy(order.case_id, upload)
            case MoverVerb.PREPARE:
                quarantine.prepare(tree)
        return ""


def _result(result: str | GoodhosterError) -> MoveAnswer:
    return _failed(result) if isinstance(result, GoodhosterError) else MoveAnswer(MoveOutcome.DONE, result)


def _failed(error: GoodhosterError) -> MoveAnswer:
    return MoveAnswer(_outcome(error), str(error), error.hint)


def _outcome(error: GoodhosterError) -> MoveOutcome:
    if isinstance(error, RefusedError):
        return MoveOutcome.REFUSED
    return MoveOutcome.PASSING if isinstance(error, PassingError) else MoveOutcome.FAILED


class TimeLimits:
    """Time limits of orders; past one the process dies of SIGALRM and is started again.

    A crash is recovered from in any case, and a disk that does not answer (a file system of a customer's own
    program) blocks no client for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: dict[int, float] = {}

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A time limit in seconds for what this thread does inside the block."""
        me = threading.get_ident()
        with self._changed:
            self._ends[me] = time.monotonic() + seconds
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._ends[me]

    def watch(self) -> NoReturn:
        """Wait for a time limit to pass; does not return."""
        while True:
            with self._changed:
                left = min(self._ends.values(), default=math.inf) - time.monotonic()
                if left <= 0:
                    signal.raise_signal(signal.SIGALRM)
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
