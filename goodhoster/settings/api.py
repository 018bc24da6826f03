"""The section [api]: the HTTP door of applications."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import duration, listen_address, one_of, path, setting, whole, yes_or_no


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """[api]: the HTTP door of applications, in `goodhoster doors serve`."""

    socket: Path | None = setting(
        path,
        "The Unix socket it listens on; applications pass files by descriptor there.",
        default=None,
        example='"/run/goodhoster/api.sock"',
    )
    listen: tuple[str, int] | None = setting(
        listen_address,
        "Host and port, for applications that cannot use a Unix socket.",
        default=None,
        example='"127.0.0.1:8462"',
    )
    beyond_loopback: bool = setting(
        yes_or_no,
        "Listen on an address that other machines reach, too. It speaks no TLS: put a proxy in front of it.",
        default=False,
    )
    connections: int = setting(whole(1, 10_000), "Connections open at once; further ones are refused.", default=256)
    workers: int = setting(whole(1, 256), "Contents that are checked at the same time.", default=16)
    largest_body: int = setting(whole(1, 1 << 40, "bytes"), "A larger content is not taken (413).", default=100 << 20)
    bodies: int = setting(
        whole(1, 1 << 42, "bytes"),
        "Of all contents in progress together; further requests are answered with 503.",
        default=1 << 30,
    )
    body_within: float = setting(duration, "For sending one content; then it is given up.", default=60.0)
    on_unchecked: str = setting(
        one_of("closed", "open"),
        "What pict-rs is told about a picture that could not be checked; other applications decide themselves.",
        default="closed",
    )
