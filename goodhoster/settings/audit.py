"""The sections about proof: the audit log, its witnesses, and the logs that we witness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import duration, listen_address, path, setting, short_name, text, texts


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """[audit]: the audit log and its checkpoints."""

    origin: str | None = setting(
        text,
        "The log's name in its checkpoints, set once before the first: an address without https://, and no blanks."
        " Absent: the host's name with /goodhoster.",
        default=None,
        example='"log.example.net/goodhoster"',
    )
    witnesses: Path | None = setting(
        path,
        "A policy (c2sp.org/tlog-policy) with the witnesses that are asked, their addresses, and the quorum.",
        default=None,
        example='"witnesses.policy"',
    )
    checkpoint_every: float = setting(
        duration, "How often the daemon has witnesses and timestamp authorities vouch for the log.", default=3600.0
    )


@dataclass(frozen=True, slots=True)
class TimestampSettings:
    """[[timestamp]]: an authority that dates checkpoints (RFC 3161). Needs extra `timestamps`."""

    name: str = setting(short_name, "Short name, for files and messages.", example='"example-tsa"')
    url: str = setting(text, "Where it answers.", example='"https://tsa.example.net/tsr"')
    certificates: Path = setting(
        path, "File with the certificates of its issuers, the root among them (PEM).", example='"tsa.pem"'
    )


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """[witness]: cosigning other hosters' logs, `goodhoster witness serve`."""

    listen: tuple[str, int] = setting(
        listen_address, "Host and port; put a TLS proxy in front of it for others.", default=("127.0.0.1", 8461)
    )
    name: str | None = setting(
        text,
        "The witness's name in its cosignatures, set once before the first. Absent: the host's name with /witness.",
        default=None,
        example='"witness.example.net/w1"',
    )
    logs: tuple[str, ...] = setting(
        texts,
        "Keys of the logs that are cosigned, as `goodhoster audit keys` prints them there.",
        default=(),
        example='["log.example.org/goodhoster+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"]',
    )
