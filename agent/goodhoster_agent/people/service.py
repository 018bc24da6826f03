"""The service that runs commands for people who are not root: `goodhoster people serve`.

Each connection is one command. Who asks is told by the kernel; what that person may do, by the groups of the account.
The command runs as a child with the service's rights, and acts in the person's name.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import BusyError, GoodhosterError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.uploads import visible
from goodhoster.ports import AuditLog
from goodhoster.settings.roles import RolesSettings
from goodhoster_agent.commands.typed_line import TypedLine, read_line
from goodhoster_agent.doors.peer_files import SocketPeer
from goodhoster_agent.people.execution import Execution
from goodhoster_agent.people.messages import (
    LARGEST_REQUEST,
    LENGTH_SIZE,
    AnswerKind,
    CommandRequest,
    answer,
    decode_request,
    length_in,
)
from goodhoster_agent.people.rights import Right
from goodhoster_agent.people.roles import FindAccount, HostAccount, account_of, rights_of
from goodhoster_agent.people.workspace import Workspace, expect_files_sent, workspace

_log = logging.getLogger(__name__)
_WRONG = 2
_TAKEN_WITHIN = 10.0
"""Seconds for the reason of a refusal to be read."""
_READ_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Limits that keep one person from blocking the others."""

    request_within: float = 10.0
    """Seconds for the words of a command to arrive."""
    files_within: float = 120.0
    """Seconds for its files."""
    together: int = 48
    """Commands of all people at the same time."""
    of_one_person: int = 4


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What the service works with."""

    config: Path
    roles: RolesSettings
    audit: AuditLog
    directory: Path
    """Of the workspaces."""
    find_account: FindAccount = account_of
    limits: ServiceLimits = ServiceLimits()


class PeopleService:
    """Runs a command for each connection; used in one event loop only."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._running: Counter[int] = Counter()

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one person and one command; whatever goes wrong ends this connection only."""
        peer = SocketPeer.of(writer.get_extra_info("socket"))
        try:
            with self._place(peer.uid):
                await self._serve_command(peer, reader, writer)
        except GoodhosterError as error:
            _log.warning("uid %d was refused: %s", peer.uid, visible(str(error)))
            await _refuse(writer, error)
        except (OSError, EOFError) as error:  # also of a time limit
            _log.warning(
                "a command of uid %d was aborted: %s", peer.uid, str(error) or "the request did not arrive in time"
            )
        except Exception:  # noqa: BLE001 - one connection ends, whatever it was; the others go on
            _log.exception("a command of uid %d failed", peer.uid)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve_command(
        self, peer: SocketPeer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """From who it is to the exit code; the audit log is written before the command runs."""
        account = await asyncio.to_thread(self._parts.find_account, peer.uid)
        rights = rights_of(account, self._parts.roles)
        if not rights:
            raise RefusedError(f"{account.name} has no role here", hint="root can add a group to [roles]")
        async with asyncio.timeout(self._parts.limits.request_within):
            request = await _read_request(reader)
        line = read_line(request.argv)
        expect_permitted(account, rights, line)
        expect_files_sent(line, request)
        with workspace(self._parts.directory) as place:
            async with asyncio.timeout(self._parts.limits.files_within):
                await _read_files(reader, request, place)
            if line.rights != {Right.SEE}:
                self._note(account, line)
            execution = Execution(request, account, place, self._parts.config)
            written = next(iter(line.named((line.access.writes,))), "")
            code = await execution.run(reader, writer, written)
        _log.info("uid %d (%s): goodhoster %s ended with %d", account.uid, account.name, line.words, code)

    def _note(self, account: HostAccount, line: TypedLine) -> None:
        """Write into the audit log who orders what; the command's own entries tell the rest."""
        who: dict[str, str | int] = {"actor": account.name, "uid": account.uid}
        who |= {"command": line.order, "right": ", ".join(sorted(line.rights - {Right.SEE}))}
        self._parts.audit.append(AuditEvent("person.ordered", who))

    @contextmanager
    def _place(self, uid: int) -> Iterator[None]:
        """A place among the commands that run; BusyError where a person has enough of them."""
        most = self._parts.limits
        if self._running[uid] >= most.of_one_person:
            raise BusyError(f"{most.of_one_person} commands of yours run already", hint="wait for one of them to end")
        if self._running.total() >= most.together:
            raise BusyError(f"{most.together} commands run already", hint="run the command again in a moment")
        self._running[uid] += 1
        try:
            yield
        finally:
            self._running[uid] -= 1
            if not self._running[uid]:
                del self._running[uid]


def expect_permitted(account: HostAccount, rights: frozenset[Right], line: TypedLine) -> None:
    """RefusedError unless this person may run this command with these parameters."""
    line.expect_no_configuration()
    if line.access.here:
        raise RefusedError(f"goodhoster {line.words} needs no special rights", hint="run it yourself")
    if line.access.right is None:
        raise RefusedError(
            f"goodhoster {line.words} can only be run by root", hint="ask the administrator of this host"
        )
    if missing := line.rights - rights:
        needs, has = ", ".join(sorted(missing)), ", ".join(sorted(rights))
        message = f"goodhoster {line.order} needs the right to {needs}, and {account.name} may {has}"
        raise RefusedError(message, hint="root can grant it: [roles] in the configuration")
    line.expect_known_paths()


async def _read_request(reader: asyncio.StreamReader) -> CommandRequest:
    length = length_in(await reader.readexactly(LENGTH_SIZE))
    if length > LARGEST_REQUEST:
        raise RefusedError(f"a request of {length} bytes", hint=f"at most {LARGEST_REQUEST >> 10} KiB are taken")
    try:
        return decode_request(await reader.readexactly(length))
    except ValueError as error:
        raise RefusedError(str(error), hint="use the command goodhoster") from error


async def _read_files(reader: asyncio.StreamReader, request: CommandRequest, place: Workspace) -> None:
    for file in request.files:
        left = file.size
        with place.file(file.name).open("xb") as kept:
            while left:
                piece = await reader.read(min(left, _READ_BYTES))
                if not piece:
                    raise EOFError("it ended in the middle of a file")
                kept.write(piece)
                left -= len(piece)


async def _refuse(writer: asyncio.StreamWriter, error: GoodhosterError) -> None:
    told = visible(f"goodhoster: {error}") + "\n" + (visible(f"            {error.hint}") + "\n" if error.hint else "")
    with suppress(OSError):
        writer.write(answer(AnswerKind.ERROR, told.encode("utf-8", "backslashreplace")))
        writer.write(answer(AnswerKind.EXIT, str(_WRONG).encode()))
        async with asyncio.timeout(_TAKEN_WITHIN):
            await writer.drain()


async def serve_until(stop: asyncio.Event, listener: socket.socket, service: PeopleService) -> None:
    """Serve connections of a listening socket until the event is set.

    Commands that run are ended then.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await service.serve_connection(reader, writer)

    server = await asyncio.start_unix_server(serve_connection, sock=listener, limit=LARGEST_REQUEST + LENGTH_SIZE)
    async with server:
        await stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
