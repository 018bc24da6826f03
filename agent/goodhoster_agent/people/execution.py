"""A person's command as a child process, within limits of time and output."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from goodhoster_agent.people.messages import AnswerKind, CommandRequest, answer
from goodhoster_agent.people.roles import HostAccount
from goodhoster_agent.people.workspace import Workspace

TIMEOUT_SECONDS = 900.0
"""Seconds for one command, reading its answer included."""
_READ_BYTES = 32 << 10
_UNREAD = 1 << 20
"""Bytes of an answer that wait for whoever reads it; then the command waits, too."""
_LOOK_SECONDS = 0.02
_TO_END = 10.0
"""Seconds between asking a command to end, as Ctrl-C does, and killing it."""
_TO_DRAIN = 2.0
"""Seconds for reading what an ended command left in its pipes."""
_PASSED_ON = ("TZ", "CREDENTIALS_DIRECTORY")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Execution:
    """A command with its person and its workspace."""

    request: CommandRequest
    account: HostAccount
    workspace: Workspace
    config: Path

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, writes: str) -> int:
        """Run it, and send what it prints and writes.

        Returns its exit code. It is ended when the person goes away, or after `TIMEOUT_SECONDS`.
        """
        if writer.transport is not None:
            writer.transport.set_write_buffer_limits(high=_UNREAD)
        async with self._process() as process:
            answering = asyncio.ensure_future(self._answer(process, writer, writes))
            gone = asyncio.ensure_future(_wait_until_gone(reader))
            try:
                done, _ = await asyncio.wait(
                    {answering, gone}, timeout=TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                gone.cancel()
            if answering in done:
                return answering.result()
            answering.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await answering
            why = "the caller disconnected" if gone in done else f"it took longer than {TIMEOUT_SECONDS:.0f} s"
            raise TimeoutError(why)

    async def _answer(self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter, writes: str) -> int:
        await asyncio.gather(
            _relay(process.stdout, AnswerKind.OUT, writer),
            _relay(process.stderr, AnswerKind.ERROR, writer),
        )
        code = await process.wait()
        packed = await asyncio.to_thread(self.workspace.archive, writes)
        if packed is not None:
            with packed.open("rb") as archive:
                while piece := await asyncio.to_thread(archive.read, _READ_BYTES):
                    writer.write(answer(AnswerKind.ARCHIVE, piece))
                    await writer.drain()
        code = 128 - code if code < 0 else code
        writer.write(answer(AnswerKind.EXIT, str(code).encode()))
        await writer.drain()
        return code

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The child process; it has ended when the block ends, whatever happens."""
        given = self.workspace.input()
        stdin = os.open(given or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "goodhoster_agent", *self.request.argv),
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                cwd=self.workspace.directory,
                start_new_session=True,
            )
        finally:
            os.close(stdin)
        try:
            yield process
        finally:
            await _end(process)

    def _environment(self) -> dict[str, str]:
        """Nothing of the person's: only who it is, as sudo would tell, and how wide the terminal is."""
        found = {"PATH": _PATH, "LANG": "C.UTF-8", "GOODHOSTER_CONFIG": str(self.config)}
        found |= {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if self.account.uid:
            found |= {"SUDO_UID": str(self.account.uid), "SUDO_USER": self.account.name}
        if self.request.columns:
            found["GOODHOSTER_COLUMNS"] = str(self.request.columns)
        return found


async def _relay(source: asyncio.StreamReader | None, kind: AnswerKind, writer: asyncio.StreamWriter) -> None:
    if source is None:
        raise ValueError("a pipe is missing")
    while piece := await source.read(_READ_BYTES):
        writer.write(answer(kind, piece))
        await writer.drain()


async def _wait_until_gone(reader: asyncio.StreamReader) -> None:
    """Return when the connection is closed; what else comes has no meaning any more."""
    with suppress(OSError):
        while await reader.read(_READ_BYTES):
            pass


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command that runs still, read its pipes to their end, and close them."""
    if process.returncode is None:
        await _stop(process)
    for pipe in (process.stdout, process.stderr):
        with suppress(OSError, TimeoutError):  # something that it started may hold the pipe
            await asyncio.wait_for(_drained(pipe), _TO_DRAIN)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else closes a pipe without its end
    await asyncio.sleep(0)  # it closes them in the loop's next round


async def _drained(pipe: asyncio.StreamReader | None) -> None:
    while pipe and await pipe.read(_READ_BYTES):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Stop a command, first as Ctrl-C does, and with it what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        await asyncio.wait_for(_ended(process), _TO_END)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for its end alone: `Process.wait` may wait for its pipes, too, which others may hold."""
    while process.returncode is None:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(_LOOK_SECONDS)
