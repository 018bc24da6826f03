"""Runs that read panels and billing systems into the register.

Each in a thread of its own.

An outage, or a list that would end too much at once, changes nothing and is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from goodhoster.assembly.customer_services import DIRECTORIES, import_directories
from goodhoster.assembly.services import Services
from goodhoster.customers.importing.importer import RegisterImportOrder
from goodhoster.errors import RefusedError
from goodhoster_agent.background.periodic import PeriodicTask

_AFTER_FAILURE = 600.0  # seconds


def panel_import_tasks(services: Services) -> Iterator[PeriodicTask]:
    """A task for each [[panel]] and [[billing]] that has `import_every`."""
    for table in (*services.settings.panels, *services.settings.billing):
        common = table.common
        if common.import_every is not None:
            run_once = partial(_import, services, common.name, common.import_every)
            failing = f"the register cannot be read from {common.name} now"
            yield PeriodicTask(f"import-{common.name}", run_once, failing, _AFTER_FAILURE)


def directory_import_tasks(services: Services) -> Iterator[PeriodicTask]:
    """The task that reads the sites of web servers, where it is set."""
    every = services.settings.agent.import_sites_every
    if every is not None:
        failing = "the register cannot be read from the directories of sites now"
        yield PeriodicTask("import-directories", partial(_import_directories, services, every), failing, _AFTER_FAILURE)


def _import_directories(services: Services, pause: float) -> float:
    result = import_directories(services, RegisterImportOrder(DIRECTORIES, "goodhoster run"))
    if result.objection:
        raise RefusedError(result.objection, hint="goodhoster customers import --from-directories --preview")
    return pause


def _import(services: Services, name: str, pause: float) -> float:
    result = services.panels.import_from(name, RegisterImportOrder(name, "goodhoster run"))
    if result.objection:
        raise RefusedError(result.objection, hint=f"goodhoster customers import --panel {name} --preview")
    return pause
