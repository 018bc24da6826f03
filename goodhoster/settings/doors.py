"""The sections about the doors at which applications ask before they store an upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import duration, listen_address, one_of, path, setting, text, texts, whole

BY_UID = "by-uid"
BY_HOST = "by-host"


@dataclass(frozen=True, slots=True)
class ClamdDoorSettings:
    """[[clamd_door]]: for applications that know ClamAV. Served by `goodhoster doors serve`."""

    customer: str = setting(
        text,
        'Whose uploads are asked about: a customer\'s id, or "by-uid" (by account; a socket only).',
        example='"by-uid"',
    )
    socket: Path | None = setting(
        path, "The Unix socket; this or listen.", default=None, example='"/run/goodhoster-doors/clamd.sock"'
    )
    listen: tuple[str, int] | None = setting(
        listen_address,
        "Host and port; this or socket. There is no password in this protocol: loopback only.",
        default=None,
        example='"127.0.0.1:3310"',
    )
    accounts: tuple[str, ...] = setting(
        texts,
        "Accounts whose processes may use the socket; empty: every account of this machine.",
        default=(),
        example='["www-data"]',
    )
    on_unchecked: str = setting(
        one_of("closed", "open"),
        "closed answers ERROR for what could not be checked, open answers OK and counts it.",
        default="closed",
    )
    longest_stream: int = setting(whole(1, 1 << 40, "bytes"), "Of one INSTREAM.", default=100 << 20)
    streams_together: int = setting(
        whole(1, 1 << 50, "bytes"),
        "Of all streams that are under way, on the disk of agent.state_dir.",
        default=1 << 30,
    )
    connections: int = setting(
        whole(1, 100_000), "Open at once. The one that is idle longest makes room for a new one.", default=256
    )
    checks: int = setting(whole(1, 256), "Contents that are checked at the same time.", default=16)
    command_within: float = setting(duration, "For a command to arrive.", default=30.0)
    read_within: float = setting(duration, "For the next piece of a stream to arrive.", default=120.0)
    answer_within: float = setting(duration, "For a check; what takes longer is unchecked.", default=120.0)


@dataclass(frozen=True, slots=True)
class IcapDoorSettings:
    """[[icap_door]]: for programs that speak ICAP, such as squid and Nextcloud.

    Served by `goodhoster doors serve`.
    """

    listen: tuple[str, int] = setting(
        listen_address,
        "Host and port. There is no password in this protocol: loopback only.",
        example='"127.0.0.1:1344"',
    )
    customer: str = setting(
        text,
        'Whose uploads are asked about: a customer\'s id, or "by-host" (by the site of each request).',
        example='"by-host"',
    )
    accounts: tuple[str, ...] = setting(
        texts,
        "Accounts of this machine whose programs may ask; empty: all, and each may have half of the connections.",
        default=(),
        example='["proxy"]',
    )
    on_unchecked: str = setting(
        one_of("closed", "open"),
        "closed refuses what could not be checked, open lets it pass and counts it.",
        default="closed",
    )
    longest_content: int = setting(
        whole(1, 1 << 40, "bytes"), "Of one body, and of what it unpacks to.", default=100 << 20
    )
    contents_together: int = setting(
        whole(1, 1 << 50, "bytes"),
        "Of all bodies that are under way, on the disk of agent.state_dir; while they are checked, twice as much.",
        default=1 << 30,
    )
    connections: int = setting(
        whole(1, 100_000), "Messages under way at once; eight times as many connections may be open.", default=256
    )
    checks: int = setting(whole(1, 256), "Messages that are checked at the same time.", default=16)
    idle_within: float = setting(duration, "For the next request to begin.", default=300.0)
    read_within: float = setting(duration, "For the next piece of a message to arrive.", default=60.0)
    answer_within: float = setting(duration, "For a check; what takes longer is unchecked.", default=60.0)
