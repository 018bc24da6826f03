"""Access to near lists where numpy may be missing: it comes with the extra `near`."""

from __future__ import annotations

import importlib
from types import ModuleType

from goodhoster.errors import ConfigurationError


def building() -> ModuleType:
    """Import `goodhoster.hashlists.near.importing`.

    ConfigurationError where the extra is not installed.
    """
    try:
        return importlib.import_module("goodhoster.hashlists.near.importing")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"fingerprints need a part of goodhoster that is not installed here ({error.name} is missing)",
            hint="install it with its extra: goodhoster[near]",
        ) from error
