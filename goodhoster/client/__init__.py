"""The client for applications: ask goodhoster before a file is stored.

    from goodhoster.client import Client, Decision, decide

    client = Client("unix:/run/goodhoster/api.sock", token="…", timeout=5.0)
    answer = client.check_bytes(content, Upload(customer="anna", name="holiday.jpg", application="gallery"))
    if decide(answer, on_unchecked="open") is Decision.REFUSE:
        ...  # do not store it; tell the user; client.report_outcome(answer.reference, "refused")

A call never takes longer than its timeout, and never raises because the service is absent, slow or odd: it answers
*unchecked* with a reason then. What to do about *unchecked* is the application's choice, made in `decide`.

Only the standard library is needed, nothing else of goodhoster is imported. `goodhoster.client.asynchronous` has the
same for asyncio with pooled connections, on httpx (extra `client`).
"""

from __future__ import annotations

from goodhoster.client.answers import Answer, Decision, Health, OutcomeReport, Permission, decide
from goodhoster.client.calls import Upload
from goodhoster.client.synchronous import (
    Client,
    check_bytes,
    check_digest,
    check_path,
    health,
    may,
    report_outcome,
)

__all__ = [
    "Answer",
    "Client",
    "Decision",
    "Health",
    "OutcomeReport",
    "Permission",
    "Upload",
    "check_bytes",
    "check_digest",
    "check_path",
    "decide",
    "health",
    "may",
    "report_outcome",
]
