"""Process pool that reads raw notices.

A hostile notice costs no more than the limits of its process and affects no other.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

from goodhoster.linux.child_process import USUAL, Children, PoolLimits
from goodhoster.model.notices import RawNotice, ReadNotice
from goodhoster.notices.reading.encoding import notice_of, plain
from goodhoster.notices.reading.mail import LARGEST_MAIL
from goodhoster.notices.reading.reader import unreadable

__all__ = ["PoolLimits", "ReaderPool"]


class ReaderPool:
    """`NoticeReader` shared by threads; each waits for a child that is free."""

    def __init__(self, limits: PoolLimits = USUAL) -> None:
        self._children = Children("goodhoster.notices.reading.child", limits)

    def read(self, raw: RawNotice) -> ReadNotice:
        """Read a notice; *unreadable*, with the reason, when that broke a limit or a child process."""
        if len(raw.content) > LARGEST_MAIL:
            return _unread(f"the message: {len(raw.content)}, more than {LARGEST_MAIL}", raw)
        frame = f"{raw.carrier}\n".encode() + raw.content
        try:
            return self._children.ask(frame, lambda answer: notice_of(json.loads(answer)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            return _unread(f"reading it failed or took too long ({type(error).__name__})", raw)

    def close(self) -> None:
        """End every child; a read that is under way is waited for. May be called twice."""
        self._children.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unread(why: str, raw: RawNotice) -> ReadNotice:
    """Unreadable notice with its texts made harmless as a child's are."""
    return notice_of(plain(unreadable(why, raw)))
