"""A toolkit over parts that a test made itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.other_sizes import match_by_name
from goodhoster.examination import Examiner
from goodhoster.model.uploads import Upload
from goodhoster.ports import AuditLog, CaseStore, Hasher, HashSource
from goodhoster.toolkit import Toolkit


def toolkit_over(  # noqa: PLR0913, PLR0917 - as many as a toolkit has parts
    sources: Sequence[HashSource],
    store: CaseStore,
    audit: AuditLog,
    desk: CaseDesk,
    hasher: Hasher,
    check_again: Callable[[Sequence[Upload]], None] = lambda _: None,
) -> Toolkit:
    """The toolkit that `assembly` makes of the same parts from settings."""
    examiner = Examiner(sources, hasher, desk.clock, match_by_name=partial(match_by_name, store))
    return Toolkit(store, audit, desk, lambda: examiner, check_again)
