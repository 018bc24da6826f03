"""The section about sealed evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import duration, path, setting, texts, whole


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """[evidence]: encrypted copies of what is taken offline. Needs extra `evidence`."""

    recipients: tuple[str, ...] = setting(
        texts,
        "Public keys (age) of at least two persons, any one of whom can open a copy; none: nothing is sealed. No"
        " private key may be on this host. Later changes need two persons: `goodhoster evidence recipients`.",
        default=(),
        example='["age1…", "age1…"]',
    )
    directory: Path | None = setting(
        path,
        "Where they are kept; `evidence` in agent.state_dir when nothing is set.",
        default=None,
        example='"/srv/evidence"',
    )
    keep_known: float = setting(
        duration, "How long copies of known material are kept; ask your lawyer.", default=365 * 86_400.0
    )
    keep_near: float = setting(
        duration,
        "The same where a source only knows a picture that looks the same: nothing says that this one is illegal.",
        default=90 * 86_400.0,
    )
    keep_notice: float = setting(
        duration, "The same where a notice or a person's order took it, and no source knows it.", default=365 * 86_400.0
    )
    largest: int = setting(whole(1, 1 << 50, "bytes"), "A larger file is not sealed, which is told.", default=10 << 30)
    leave_free: int = setting(
        whole(0, 1 << 50, "bytes"), "Stays free where they are kept: the audit log may need it.", default=1 << 30
    )
