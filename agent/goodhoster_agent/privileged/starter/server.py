"""The starter: does for the daemon what the daemon gave up, and nothing else.

Nobody but the daemon can reach it: its socket has no address. It runs no program but those of the terms, with the
arguments that stand there, and opens no path that it is told.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.linux import frames, privileges
from goodhoster.linux.programs import run_here
from goodhoster.model.limits import ReadingLimits
from goodhoster_agent.hashing.worker_handle import start_here
from goodhoster_agent.privileged.starter.commands import Command
from goodhoster_agent.privileged.starter.messages import StarterOrder, receive_order
from goodhoster_agent.watching import fanotify_kernel

_log = logging.getLogger(__name__)
_MOST_ORDERS = 1024
"""At the same time; each hasher is one for as long as it lives."""

CAPABILITIES = frozenset(
    {
        privileges.CAP_KILL,
        privileges.CAP_SETGID,
        privileges.CAP_SETUID,
        privileges.CAP_SETPCAP,
        privileges.CAP_SYS_ADMIN,
    }
)
"""To start and end processes of `nobody`, and to mark file systems: all that a starter without commands has."""


@dataclass(frozen=True, slots=True)
class _Order:
    channel: socket.socket
    files: list[int]


class StarterServer:
    """Takes orders, each in a thread of its own: a hasher ends with the thread that has it."""

    def __init__(self, commands: frozenset[Command]) -> None:
        self._commands = commands
        self._places = threading.BoundedSemaphore(_MOST_ORDERS)
        self._verbs: dict[StarterOrder, Callable[[_Order], None]] = {
            StarterOrder.HASHER: _start_hasher,
            StarterOrder.GROUP: _make_group,
            StarterOrder.MARK: _mark,
            StarterOrder.RUN: self._run,
        }

    def serve(self, daemon: socket.socket) -> None:
        """Take orders until the daemon is gone.

        Commands may need whatever root may: only without any is the rest given up.
        """
        if not self._commands:
            privileges.keep_only(CAPABILITIES)
        while (told := _next_order(daemon)) is not None:
            verb, channel, files = told
            self._places.acquire()
            threading.Thread(target=self._do, args=(verb, _Order(channel, list(files))), daemon=True).start()

    def _do(self, verb: StarterOrder, order: _Order) -> None:
        try:
            self._verbs[verb](order)
        except OSError as error:
            _log.warning("the daemon cancelled an order (%s): %s", verb, error)
        except (ValueError, TypeError, IndexError) as error:
            _log.error("the daemon sent an invalid order (%s): %r", verb, error)
        finally:
            order.channel.close()
            for file in order.files:
                os.close(file)
            self._places.release()

    def _run(self, order: _Order) -> None:
        argv = frames.receive_value(order.channel)
        given = frames.receive_content(order.channel)
        if not any(command.permits(argv) for command in self._commands):
            frames.send_value(order.channel, "this command is not in the configuration")
            return
        try:
            ended = run_here(argv, given)
        except OSError as error:
            frames.send_value(order.channel, str(error))
            return
        frames.send_value(order.channel, ended.code)
        frames.send(order.channel, ended.out)
        frames.send(order.channel, ended.err)


def _next_order(daemon: socket.socket) -> tuple[StarterOrder, socket.socket, tuple[int, ...]] | None:
    while True:
        try:
            return receive_order(daemon)
        except ValueError as error:
            _log.error("the daemon sent an invalid order (%s): %r", "unknown", error)


def _start_hasher(order: _Order) -> None:
    limits = ReadingLimits(**frames.receive_value(order.channel))
    with socket.socket(fileno=order.files.pop()) as theirs:  # closed here, or nobody would see that the hasher died
        hasher = start_here(theirs, limits)
    try:
        frames.send_value(order.channel, hasher.pid)
        order.channel.recv(1)  # says nothing, until the daemon ends
    finally:
        ended = hasher.end()
    frames.send_value(order.channel, ended)


def _make_group(order: _Order) -> None:
    try:
        group = fanotify_kernel.new_group(unlimited=frames.receive_value(order.channel))
    except OSError as error:
        frames.send_value(order.channel, error.errno)
        return
    try:
        frames.send_value(order.channel, 0)
        socket.send_fds(order.channel, [b"g"], [group])
    finally:
        os.close(group)


def _mark(order: _Order) -> None:
    group, directory = order.files
    writes = frames.receive_value(order.channel) is True
    try:
        fanotify_kernel.mark_file_system(group, b"/proc/self/fd/%d" % directory, writes=writes)
    except OSError as error:
        frames.send_value(order.channel, error.errno)
        return
    frames.send_value(order.channel, 0)
