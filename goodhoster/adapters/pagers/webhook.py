"""Alerts to a webhook: JSON, signed, with an idempotency key."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from goodhoster.errors import PassingError
from goodhoster.model.alerts import Alert
from goodhoster.ports import Clock

_WITHIN = 15.0
"""Seconds for the whole request."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The settings of one webhook."""

    url: str
    secret: Callable[[], str] = str
    """Read when something is delivered: whoever only raises an alert need not have it. Empty: not signed."""
    plain: bool = False
    """Only {"text": …}, as chat services take it."""
    details: bool = False
    """The text goes along, which may hold addresses and paths."""


class WebhookReceiver:
    """See `ports.AlertReceiver`."""

    def __init__(self, webhook: Webhook, clock: Clock) -> None:
        self._webhook = webhook
        self._clock = clock

    def deliver(self, alert: Alert, delivery_id: str) -> None:
        """See `ports.AlertReceiver`: accepted by a status from 200 to 299, without redirects."""
        body = json.dumps(self._content(alert, delivery_id)).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": delivery_id}
        if secret := self._webhook.secret():
            headers["Goodhoster-Signature"] = self._signature(body, secret)
        host = urlsplit(self._webhook.url).hostname  # the rest of the address may be a secret
        try:
            status = asyncio.run(_post(self._webhook.url, body, headers))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise PassingError(f"{host} cannot be reached: {type(error).__name__}", hint="see [[alert]]") from error
        if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
            raise PassingError(f"{host} answered {status}", hint="see [[alert]]")

    def _content(self, alert: Alert, delivery_id: str) -> Mapping[str, str]:
        shown = f"{alert.subject}\n{alert.text}" if self._webhook.details else alert.subject
        if self._webhook.plain:
            return {"text": shown}
        return {
            "id": delivery_id,
            "kind": alert.kind,
            "about": alert.about,
            "subject": alert.subject,
            "text": shown,
            "raised_at": alert.raised_at.isoformat(),
        }

    def _signature(self, body: bytes, secret: str) -> str:
        """`t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.body`.

        So an old message cannot be sent again later.
        """
        seconds = int(self._clock().timestamp())
        signed = f"{seconds}.".encode() + body
        return f"t={seconds},v1={hmac.new(secret.encode(), signed, 'sha256').hexdigest()}"


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    timeout = aiohttp.ClientTimeout(total=_WITHIN)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        return response.status
