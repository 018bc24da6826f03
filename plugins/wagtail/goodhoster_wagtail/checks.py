"""Checks of the settings, for `manage.py check`."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error


def check_models(**_: Any) -> list[CheckMessage]:  # noqa: ANN401 - as Django calls it
    """Tell when goodhoster_django, which does the checking, is not installed."""
    if apps.is_installed("goodhoster_django"):
        return []
    return [Error("Uploads are not checked.", 'Put "goodhoster_django" into INSTALLED_APPS.', id="goodhoster.E002")]
