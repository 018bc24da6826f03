"""Checks of the settings, for `manage.py check`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's names
from django.core.exceptions import ImproperlyConfigured

from goodhoster_django.conf import HANDLER, configuration


def check_settings(**_: Any) -> list[CheckMessage]:  # noqa: ANN401 - as Django calls it
    """Tell what is wrong with the settings."""
    found: list[CheckMessage] = []
    try:
        configuration()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="goodhoster.E001"))
    if settings.FILE_UPLOAD_HANDLERS[:1] != [HANDLER]:
        hint = f'FILE_UPLOAD_HANDLERS = ["{HANDLER}"]'
        found.append(
            Warning("Uploads are not checked: another upload handler comes first.", hint, id="goodhoster.W001")
        )
    return found
