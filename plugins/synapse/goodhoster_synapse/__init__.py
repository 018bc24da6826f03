"""A module of Synapse that asks goodhoster before media are kept.

modules:
  - module: goodhoster_synapse.MediaChecker
    config:
      on_unchecked: closed
      token_file: /etc/matrix-synapse/goodhoster.token
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.module_api.errors import Codes, ConfigError

from goodhoster.client import Answer, Client, Upload, decide

_log = logging.getLogger(__name__)
_KEYS = {"address", "customer", "gate", "on_unchecked", "timeout", "token", "token_file"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The module's configuration."""

    client: Client
    on_unchecked: Literal["open", "closed"]
    customer: str
    gate: bool
    """Ask whether the customer may upload at all, before a file comes."""


class MediaChecker:
    """The module: checks uploads of local users, and media that come from other servers."""

    def __init__(self, config: Configuration, api: ModuleApi) -> None:
        """Register the callbacks."""
        self._config = config
        self._api = api
        api.register_spam_checker_callbacks(check_media_file_for_spam=self.check_media_file_for_spam)
        if config.gate:
            api.register_media_repository_callbacks(
                is_user_allowed_to_upload_media_of_size=self.is_user_allowed_to_upload_media_of_size
            )

    @staticmethod
    def parse_config(config: dict[str, Any]) -> Configuration:
        """Read the configuration. ConfigError says what is wrong with it."""
        if unknown := sorted(set(config) - _KEYS):
            raise ConfigError(f"goodhoster_synapse: unknown key {unknown[0]}")
        if config.get("on_unchecked") not in {"open", "closed"}:
            raise ConfigError(
                "goodhoster_synapse: on_unchecked must be open (keep what could not be checked) or closed"
            )
        try:
            token = (
                Path(config["token_file"]).read_text().strip() if "token_file" in config else config.get("token", "")
            )
            client = Client(
                config.get("address", "unix:/run/goodhoster/api.sock"),
                token=token,
                timeout=float(config.get("timeout", 10.0)),
            )
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"goodhoster_synapse: {error}") from error
        return Configuration(client, config["on_unchecked"], str(config.get("customer", "")), bool(config.get("gate")))

    async def check_media_file_for_spam(self, file_wrapper: Any, file_info: Any) -> Literal["NOT_SPAM"] | Codes:  # noqa: ANN401
        """Answer Synapse about a file that is in its store and not shown to anybody yet.

        Thumbnails are made of files that were asked about. The file goes by descriptor, in a thread: the reactor waits
        for nothing.
        """
        if file_info.thumbnail is not None:
            return NOT_SPAM
        application = "synapse" if file_info.server_name is None else f"synapse, from {file_info.server_name}"
        answer: Answer = await self._api.defer_to_thread(
            self._config.client.check_path,
            file_wrapper.path,
            Upload(customer=self._config.customer, name=file_info.file_id, application=application),
        )
        if decide(answer, on_unchecked=self._config.on_unchecked):
            if answer.decision == "unchecked":
                _log.warning("media %s are kept unchecked: %s %s", file_info.file_id, answer.reason, answer.detail)
            return NOT_SPAM
        _log.warning("media %s are refused: %s %s", file_info.file_id, answer.reference or answer.reason, answer.detail)
        if answer.reference:
            await self._api.defer_to_thread(self._config.client.report_outcome, answer.reference, "refused")
        return Codes.FORBIDDEN

    async def is_user_allowed_to_upload_media_of_size(self, user: str, size: int) -> bool:  # noqa: ARG002 - as called
        """Answer Synapse whether anything may be uploaded; what could not be asked is not forbidden."""
        permission = await self._api.defer_to_thread(self._config.client.may, self._config.customer, "upload")
        return permission.allowed is not False or permission.mode == "observe"
