"""The section about sealed evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import duration, path, setting, texts, whole, yes_or_no


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
    seal_attempts: bool = setting(
        yes_or_no,
        "Seal what applications are told to refuse, too, before they are told: they delete it.",
        default=True,
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
    destroy_quarantined_after: float | None = setting(
        duration,
        "The restore window: this long after a file was taken offline it is destroyed in quarantine, for good, where a"
        " sealed copy is there as it was written and no hold or appeal forbids it. Nothing set: never. The mover must"
        " be restarted after a change.",
        default=None,
        example='"90d"',
    )
    destroy_without_copy: bool = setting(
        yes_or_no, "Destroy it then also where there is no sealed copy: nobody has the file any more.", default=False
    )
    largest: int = setting(
        whole(1, 1 << 50, "bytes"), "A larger file is not sealed, which is reported.", default=10 << 30
    )
    leave_free: int = setting(
        whole(0, 1 << 50, "bytes"), "Stays free where they are kept: the audit log may need it.", default=1 << 30
    )
