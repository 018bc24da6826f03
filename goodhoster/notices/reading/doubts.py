"""What a person must settle before one item of a notice is acted on."""

from __future__ import annotations

from goodhoster.model.notices import Notifier, ReadItem, ReadNotice
from goodhoster.notices.reading.formats import free_text


def doubts_about(item: ReadItem, notice: ReadNotice | None, notifier: Notifier | None) -> tuple[str, ...]:
    """The doubts of the whole notice and of the item.

    Free text needs no confirmation from a proven notifier whose profile says that it writes so.
    """
    whole = notice.doubts if notice else ()
    if notice and notifier and notifier.layout == notice.format:
        whole = tuple(doubt for doubt in whole if doubt != free_text.CONFIRM)
    return (*whole, *item.doubts)
