"""Findings about object stores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.errors import GoodhosterError
from goodhoster_agent.doctor.finding import DoctorFinding

if TYPE_CHECKING:
    from goodhoster.ports.objects import ObjectStore
    from goodhoster.settings import Settings


def bucket_findings(settings: Settings) -> Iterator[DoctorFinding]:
    """Whether every bucket, and the closed one beside it, can be listed."""
    if not settings.buckets:
        return
    try:
        with Services(settings) as services:
            for bucket in services.buckets.watched:
                yield _listed(f"bucket {bucket.name}", bucket.store)
                yield _listed(f"closed bucket of {bucket.name}", bucket.closed)
    except GoodhosterError as error:
        yield DoctorFinding("buckets", ok=False, detail=str(error), hint=error.hint)


def _listed(what: str, store: ObjectStore) -> DoctorFinding:
    try:
        first = sum(len(page) for page in islice(store.list(), 1))
    except GoodhosterError as error:
        return DoctorFinding(what, ok=False, detail=str(error), hint=error.hint)
    told = f"{first:,} objects or more" if first else "is empty"
    return DoctorFinding(
        what, ok=True, detail=f"{store.bucket} {told}; experimental: try a restore at your store first"
    )
