"""Streams that are no whole file.

A client may send a long file in parts, and each part alone is known to nobody.
"""

from __future__ import annotations

from goodhoster_agent.doors.streams import StreamContent

_ENDS = (
    (b"\xff\xd8\xff", b"\xff\xd9"),
    (b"\x89PNG\r\n\x1a\n", b"IEND"),
    (b"GIF8", b"\x3b"),
)
"""How a picture begins, and what stands at its end or before whatever was appended to it."""


def is_partial(stream: StreamContent) -> bool:
    """Whether a stream is the beginning of a picture without its end.

    Neither the length nor the end of a stream tells: a client that sends parts ends each of them properly.
    """
    beginning, ending = stream.parts()
    return any(beginning.startswith(head) and end not in ending for head, end in _ENDS)
