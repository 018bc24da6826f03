"""The message catalog of the journal, made from docs/reference-journal.md: what `journalctl -x` says below a line."""

import re
from collections.abc import Iterator
from pathlib import Path

from goodhoster_agent.journal import message_id

REFERENCE = Path(__file__).parents[1] / "docs/reference-journal.md"
_ROW = re.compile(
    r"^\| (?:\*\*)?`(?P<line>[^`]+)`(?:\*\*)? \| *(?P<means>[^|]*?) *\| *(?P<do>[^|]*?) *\|$", re.MULTILINE
)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def catalog() -> str:
    """The whole catalog, in the form of https://www.freedesktop.org/wiki/Software/systemd/catalog/."""
    head = "# What goodhoster's lines mean: ./dev docs makes this from docs/reference-journal.md.\n"
    return head + "".join(_entries(REFERENCE.read_text("utf-8")))


def _entries(reference: str) -> Iterator[str]:
    for row in _ROW.finditer(reference):
        means, do = _plain(row["means"]), _plain(row["do"])
        text = [f"{means[:1].upper()}{means[1:]}." if means else "", f"What to do: {do}." if do else ""]
        yield (
            f"\n-- {message_id(row['line'])}\nSubject: {row['line']}\nDefined-By: goodhoster\n"
            "Documentation: man:goodhoster(1)\n\n" + "\n\n".join(filter(None, text)) + "\n"
        )


def _plain(markdown: str) -> str:
    return _LINK.sub(r"\1 (see the documentation)", markdown).replace("`", "").replace("**", "").strip()
