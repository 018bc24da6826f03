"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from goodhoster_wagtail.checks import check_models


class GoodhosterWagtailConfig(AppConfig):
    """Puts the validator on images and documents, and registers the check of the settings."""

    name = "goodhoster_wagtail"
    verbose_name = "goodhoster for Wagtail"

    def ready(self) -> None:
        """Put the validator on."""
        from goodhoster_wagtail.fields import add_validators  # noqa: PLC0415 - models exist only from here on

        add_validators()
        register(check_models)
