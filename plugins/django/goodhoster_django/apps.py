"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from goodhoster_django.checks import check_settings


class GoodhosterConfig(AppConfig):
    """Registers the checks of the settings."""

    name = "goodhoster_django"
    verbose_name = "goodhoster"

    def ready(self) -> None:
        """Register the checks."""
        register(check_settings)
