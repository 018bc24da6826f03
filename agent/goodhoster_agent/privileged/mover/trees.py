"""The watched trees, by the mover's own reading of the configuration."""

from __future__ import annotations

import logging
from pathlib import Path

from goodhoster.assembly.state import watched_roots
from goodhoster.errors import ConfigurationError
from goodhoster.model.mover_messages import tree_id
from goodhoster.settings import load

_log = logging.getLogger(__name__)


class KnownTrees:
    """The trees of the configuration by id.

    Asked about an id that it does not know, it reads the configuration again: a daemon may have done so too.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self._trees = self._read()

    def __call__(self, wanted: str) -> bytes | None:
        """The real path of the tree of that id, or None."""
        if wanted not in self._trees:
            self._read_again()
        return self._trees.get(wanted)

    def _read_again(self) -> None:
        try:
            self._trees = self._read()
        except ConfigurationError as error:
            _log.error("the trees stay as they were: %s; %s", error, error.hint)

    def _read(self) -> dict[str, bytes]:
        return {tree_id(root): root for root in watched_roots(load(self._config))}
