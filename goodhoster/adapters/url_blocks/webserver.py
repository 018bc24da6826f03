"""Blocks addresses by a file that the web server's configuration includes.

Written whole or not at all; tested by the web server's own test before it is reloaded; the old file comes back when
anything of that fails, or when the address can still be seen afterwards. Our list of blocks is beside the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from goodhoster.adapters.url_blocks.include_files import BlockAnswer
from goodhoster.errors import PermanentError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notice_status import Block, Seen, Sight

_PLAIN = BlockAnswer()
_TAKES_EFFECT = (0.0, 0.1, 0.4, 1.0, 2.0)
"""Seconds to wait before each look: after a reload the web server's old workers answer for a moment."""
_SAFE = re.compile(r"[A-Za-z0-9.:\[\]/?&=%+,;@!*()'~_-]{1,4000}")
"""What may stand in a configuration file. A browser's URL has little else; for the rest a person acts."""
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
"""A host that begins with `~` would be a pattern for nginx, and block other tenants of a wildcard site, too."""


@dataclass(frozen=True, slots=True)
class WebServer:
    """The web server's include file, and its commands to test and reload the configuration."""

    include: Path
    """The file that its configuration includes."""
    write: Callable[[Sequence[str], BlockAnswer, Path], Mapping[str, str]]
    """From `host/path?query` of each block to the text of each file, by what its name has behind that of `include`."""
    test: tuple[str, ...]
    reload: tuple[str, ...]
    answer: BlockAnswer = _PLAIN
    run: Run = run_here


class WebServerBlocks:
    """See `ports.UrlBlocks`. Processes may share the files."""

    def __init__(self, server: WebServer, look: Callable[[str], Seen] | None) -> None:
        self._server = server
        self._look = look
        self._list = server.include.with_name(server.include.name + ".json")

    def prepare(self) -> None:
        """See `ports.UrlBlocks`."""
        with self._turn():
            blocks = self.blocks()
            before = {file: _text_of(file) for file in self._files(blocks)}
            if self._server.include.exists() and before != self._files(blocks):
                self._change_answer(blocks, before)
            else:
                self._write(blocks)

    def _change_answer(self, blocks: Sequence[Block], before: Mapping[Path, str | None]) -> None:
        """Write the files as the settings are now; on failure they are as before."""
        try:
            self._write(blocks)
            self._run(self._server.test)
            self._run(self._server.reload)
        except PermanentError:
            for file, text in before.items():
                if text is not None:
                    _replace(file, text)
            raise

    def block(self, block: Block) -> None:
        """See `ports.UrlBlocks`."""
        _keys(block.url)
        with self._turn():
            before = self.blocks()
            if all(known.url != block.url for known in before):
                self._apply([*before, block], before)
                self._check(block.url, before)

    def lift(self, url: str) -> None:
        """See `ports.UrlBlocks`."""
        with self._turn():
            before = self.blocks()
            after = [block for block in before if block.url != url]
            if len(after) < len(before):
                self._apply(after, before)

    def blocks(self) -> list[Block]:
        """See `ports.UrlBlocks`."""
        try:
            values = json.loads(self._list.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise PermanentError(f"the list of blocks {self._list} cannot be read: {error}") from error
        return [replace(Block(**value), at=datetime.fromisoformat(value["at"])) for value in values]

    def _check(self, url: str, before: Sequence[Block]) -> None:
        seen = self._visible_after_reload(url)
        if seen is not None:
            self._apply(before, before)
            hint = "does every server block of the configuration heed the list? see docs/how-to-notices.md"
            raise PermanentError(f"the block had no effect: {seen.detail}", hint=hint)

    def _visible_after_reload(self, url: str) -> Seen | None:
        """What can still be seen after the reload; None when nothing can, or no check is set."""
        seen = None
        for wait in _TAKES_EFFECT if self._look else ():
            time.sleep(wait)
            seen = self._look(url) if self._look else None
            if seen is None or seen.sight is not Sight.THERE:
                return None
        return seen

    def _apply(self, blocks: Sequence[Block], before: Sequence[Block]) -> None:
        """Write both files and reload the web server; on failure everything is as before."""
        try:
            self._write(blocks)
            self._run(self._server.test)
            self._run(self._server.reload)
        except PermanentError:
            self._write(before)
            raise

    def _write(self, blocks: Sequence[Block]) -> None:
        listed = [asdict(block) | {"at": block.at.isoformat()} for block in blocks]
        for file, text in self._files(blocks).items():
            _replace(file, text)
        _replace(self._list, json.dumps(listed, indent=1))

    def _files(self, blocks: Sequence[Block]) -> dict[Path, str]:
        """The text of each file that the web server reads."""
        include = self._server.include
        keys = dict.fromkeys(key for block in blocks for key in _keys(block.url))
        texts = self._server.write(list(keys), self._server.answer, include)
        return {include.with_name(include.name + suffix): text for suffix, text in texts.items()}

    def _run(self, argv: Sequence[str]) -> None:
        try:
            done = self._server.run(argv, b"")
        except OSError as error:
            raise PermanentError(f"{argv[0]} cannot be run: {error}", hint="see [block]") from error
        if done.code != 0:
            said = (done.err or done.out).decode("utf-8", "replace").strip()[-300:]
            raise PermanentError(f"{' '.join(argv)} ended with {done.code}: {said}", hint="see [block]")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        fd = os.open(self._list.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _keys(url: str) -> tuple[str, str]:
    """The keys `host/path?query` with and without www.

    PermanentError for characters that must not be written into a configuration file.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    key = f"{host}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
    if not _HOST.fullmatch(host) or not _SAFE.fullmatch(key):
        raise PermanentError("this address cannot be written into a web server's configuration safely")
    return key, f"www.{key}"


def _text_of(file: Path) -> str | None:
    """The text of a file; None where there is none that can be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        if file.suffix == ".html":
            draft.chmod(0o644)  # what visitors see is read by the web server's workers
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise PermanentError(f"{file} cannot be written: {error.strerror}", hint="see [block] include") from error
