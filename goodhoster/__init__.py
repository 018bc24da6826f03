"""goodhoster: the self-hosted "good hoster" toolkit, as a library.

    from goodhoster import Place, load
    from goodhoster.assembly.services import Services

    with Services(load(Path("/etc/goodhoster/goodhoster.toml"))) as services:
        with services.toolkit.examine(Place(b"/srv/customers", b"anna/holiday.jpg")) as examined:
            print(examined.verdict.kind)

No daemon, no terminal; the process is never ended from here. Every error is a `GoodhosterError`. `Services`
is not named here because it brings every adapter with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goodhoster.errors import (
        AuditError,
        BusyError,
        ConfigurationError,
        GoodhosterError,
        PassingError,
        PermanentError,
        QuarantineError,
        RefusedError,
        SourceRefusedError,
        SourceUnavailableError,
        UncheckedError,
    )
    from goodhoster.examination import Examined
    from goodhoster.model.cases import Order
    from goodhoster.model.uploads import Place
    from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
    from goodhoster.settings import Settings, load
    from goodhoster.toolkit import CaseOrders, Toolkit

__all__ = [
    "AuditError",
    "BusyError",
    "CaseOrders",
    "Category",
    "ConfigurationError",
    "Examined",
    "GoodhosterError",
    "Match",
    "Order",
    "PassingError",
    "PermanentError",
    "Place",
    "QuarantineError",
    "RefusedError",
    "Settings",
    "SourceRefusedError",
    "SourceUnavailableError",
    "Toolkit",
    "UncheckedError",
    "Verdict",
    "VerdictKind",
    "load",
]

_HOMES = ("errors", "examination", "model.cases", "model.uploads", "model.verdicts", "settings", "toolkit")

if not TYPE_CHECKING:  # for a type checker any name would be one

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used.

        So a process that needs a part of the library loads that part only.
        """
        if name in __all__:
            for home in _HOMES:
                found = vars(importlib.import_module(f"goodhoster.{home}")).get(name)
                if found is not None:
                    return found
        raise AttributeError(f"module 'goodhoster' has no attribute {name!r}")
