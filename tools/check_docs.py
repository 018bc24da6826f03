"""Checks what can be checked about the documentation without reading it.

- A relative link in a Markdown file leads to a file that is there, and its #fragment to a heading of it.
- Every `./dev COMMAND` that a Markdown file shows exists.
- The commands that the README lists between the `commands` comments are those of the program, in both
  directions.
- Every `goodhoster …` that a Markdown file shows, in a console example or in a line of text, has a command and
  options that the program knows.
- Every state of a case and every kind of audit entry stands in the glossary, every reason of a hash source in its
  page, and every line of the journal in the reference of the journal.
- What is made from the program (see generated.py) is what the program would make today.

Prints one line for each fault and ends with 1 when there was any.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from commandline import problem, program
from generated import GENERATED

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.standing import StepState
from goodhoster.model.storms import StormState
from goodhoster_agent.journal import line_of

CHECKOUT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SHOWN_LINE = re.compile(r"^ *[$#] (?:sudo )?((?:goodhoster|\./dev run) .*)", re.MULTILINE)
INLINE = re.compile(r"`((?:goodhoster|\./dev run) [a-z][^`]*)`")
WORD = re.compile(r"^\| \*\*(.+?)\*\*", re.MULTILINE)
KIND = re.compile(r'"([a-z]+(?:-[a-z]+)*)\.([a-z]+(?:-[a-z]+)*)"')
LISTED_KIND = re.compile(r"`([a-z]+(?:-[a-z]+)*)\.([a-z-]+)`")
ENTRY = re.compile(r"(?:AuditEvent|\blog|\b_log|_say)\(\s*f?\"([a-z]+(?:-[a-z]+)*)\.")
FILES = frozenset({"csv", "json", "key", "last", "lock", "log", "sqlite", "toml"})
"""Suffixes: `casework.sqlite` is no kind of entry."""
KINDS_BY_STATE = {
    *(f"storm.{state}" for state in StormState if state is not StormState.OPEN),
    *(f"step.{state}" for state in (StepState.IMPOSED, StepState.LIFTED, StepState.WITHDRAWN, StepState.REFUSED)),
    *(f"attempt.{state}" for state in (CaseState.CONFIRMED, CaseState.RESTORED)),
}
"""Kinds of entries of the audit log that are put together from a state."""
# A line of nothing but what it is given (an error and its hint) cannot be told.
JOURNAL = re.compile(r"\b_?log\.(?:info|warning|error|critical|exception)\(\s*\"((?=[^\"]*[a-z]{3})[^\"]+)\"")
SHOWN_COMMANDS = re.compile(r"<!-- commands -->(.*?)<!-- /commands -->", re.DOTALL)


def main() -> int:
    """Print every fault; 1 when there was one."""
    faults = [
        *dead_links(),
        *unknown_dev_commands(),
        *refused_examples(),
        *readme_against_program(),
        *untold_words(),
        *words_defined_twice(),
        *stale_documents(),
    ]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def documents() -> list[Path]:
    """The Markdown files that are committed or would be."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listing.stdout.split("\0") if name and (path := CHECKOUT / name).is_file()]


def dead_links() -> Iterator[str]:
    """Relative links to a file or heading that is not there."""
    for document in documents():
        for match in LINK.finditer(FENCE.sub("", document.read_text())):
            target, _, fragment = match[1].partition("#")
            if SCHEME.match(match[1]):
                continue
            path = document if not target else document.parent / target
            if not path.exists():
                yield f"{_name(document)}: link to {match[1]}: no such file"
            elif fragment and path.suffix == ".md" and fragment not in anchors(path):
                yield f"{_name(document)}: link to {match[1]}: no such heading"


def anchors(document: Path) -> set[str]:
    """The fragments that a Git forge makes of the document's headings."""
    headings = re.findall(r"^#+\s+(.+?)\s*#*$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def unknown_dev_commands() -> Iterator[str]:
    """`./dev` commands that a document shows and the script does not know."""
    known = set(re.findall(r"^    ([a-z]+)\)", (CHECKOUT / "dev").read_text(), re.MULTILINE))
    for document in documents():
        for command in re.findall(r"\./dev ([a-z]+)", document.read_text()):
            if command not in known:
                yield f"{_name(document)}: ./dev {command}: no such command; there are {sorted(known)}"


def refused_examples() -> Iterator[str]:
    """Commands of the program that a document shows and the program would refuse."""
    for document in documents():
        text = document.read_text()
        lines = [line for block in CONSOLE.findall(text) for line in SHOWN_LINE.findall(block)]
        lines += INLINE.findall(FENCE.sub("", text))
        for line in lines:
            if why := problem(line.replace("./dev run", "goodhoster")):
                yield f"{_name(document)}: {line}: {why}"


def readme_against_program() -> Iterator[str]:
    """The README's list of commands against the program's own."""
    shown = SHOWN_COMMANDS.search((CHECKOUT / "README.md").read_text())
    if not shown:
        yield "README.md: no list of commands between <!-- commands --> and <!-- /commands -->"
        return
    listed = set(re.findall(r"`goodhoster ([a-z-]+)", shown[1]))
    real = set(program().commands)
    for command in sorted(listed - real):
        yield f"README.md: `goodhoster {command}` is listed, but the program does not know it"
    for command in sorted(real - listed):
        yield f"README.md: the program has `goodhoster {command}`, but it is not listed"


def untold_words() -> Iterator[str]:
    """Words and lines that users meet in output and no document explains."""
    source = "".join(
        path.read_text() for folder in ("goodhoster", "agent") for path in (CHECKOUT / folder).rglob("*.py")
    )
    told_in = {
        "glossary.md": {*CaseState, *kinds_of_entries(source)},
        "how-to-hash-sources.md": set(Reason),
        "reference-journal.md": set(map(line_of, JOURNAL.findall(source))),
    }
    for name, words in told_in.items():
        text = (CHECKOUT / "docs" / name).read_text()
        for word in sorted(words):
            if f"`{word}`" not in text:
                yield f"docs/{name}: does not tell what `{word}` means"


def kinds_of_entries(source: str) -> set[str]:
    """Every kind of entry of the audit log that the source writes."""
    listed = LISTED_KIND.findall((CHECKOUT / "docs" / "glossary.md").read_text())
    subjects = ({subject for subject, _ in listed} | set(ENTRY.findall(source))) - {
        "item"
    }  # of which each state is one
    found = {f"{subject}.{verb}" for subject, verb in KIND.findall(source) if subject in subjects and verb not in FILES}
    return found | KINDS_BY_STATE


def words_defined_twice() -> Iterator[str]:
    """Words that the glossary defines in two places."""
    words = WORD.findall((CHECKOUT / "docs" / "glossary.md").read_text())
    same = Counter(map(str.casefold, words))
    for word in sorted({word for word in words if same[word.casefold()] > 1}):
        yield f"docs/glossary.md: defines {word} twice"


def stale_documents() -> Iterator[str]:
    """Generated documents that no longer say what the program says."""
    for name, make in GENERATED.items():
        path = CHECKOUT / name
        if not path.is_file() or path.read_text() != make():
            yield f"{name}: stale; make it anew: ./dev docs"


def _name(document: Path) -> str:
    return str(document.relative_to(CHECKOUT))


if __name__ == "__main__":
    sys.exit(main())
