"""What a reader must open is counted as it is written, and stays within what the architecture promises."""

import json
import subprocess
import sys
from pathlib import Path

import journey_size
import pytest

CHECKOUT = Path(__file__).parents[2]
FILES = {
    "goodhoster/upload_handling.py": """
from collections.abc import Callable, Sequence
from goodhoster.examination import Examiner
from goodhoster.sums import total
from goodhoster.model.words import Word
from goodhoster.registry import make

class UploadHandling:
    ask: Callable[[int], int]

    def __init__(self, examiner: Examiner, others: Sequence[Examiner]) -> None:
        self._examiner = examiner
        self._others = others

    def handle(self) -> None:
        with self._examiner.open() as opened:
            opened.read()
        for other in self._others:
            other.far()
        Word().say()
        self.ask(total(1))
        self._unknown.never()
        make()
""",
    "goodhoster/examination.py": """
from collections.abc import Iterator
from goodhoster.opening import Opened
from goodhoster.ports import Hasher

class Base:
    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher

    def far(self) -> None:
        self._hasher.read()

class Examiner(Base):
    def open(self) -> Iterator[Opened]:
        yield Opened()
""",
    "goodhoster/opening.py": "class Opened:\n    def read(self) -> None:\n        pass\n",
    "goodhoster/sums.py": "def total(n: int) -> int:\n    return n\n",
    "goodhoster/never.py": "def never() -> None:\n    pass\n",
    "goodhoster/registry/__init__.py": "from goodhoster.registry.inner import make\n",
    "goodhoster/registry/inner.py": "def make() -> None:\n    pass\n",
    "goodhoster/ports/__init__.py": (
        "from typing import Protocol\n\nclass Hasher(Protocol):\n    def read(self) -> None:\n        pass\n"
    ),
    "goodhoster/model/words.py": "class Word:\n    def say(self) -> None:\n        pass\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_calls_are_followed_to_ports_and_words_and_no_further(checkout: Path) -> None:
    reading = journey_size.follow(journey_size.Sources(checkout), "upload")
    assert reading
    assert {str(path.relative_to(checkout)) for path in reading.files} == {
        "goodhoster/upload_handling.py",
        "goodhoster/examination.py",
        "goodhoster/opening.py",
        "goodhoster/sums.py",
        "goodhoster/registry/inner.py",
    }


def test_what_only_computes_is_not_on_the_spine(checkout: Path) -> None:
    reading = journey_size.follow(journey_size.Sources(checkout), "upload")
    assert reading
    assert {path.name for path in reading.spine} == {"upload_handling.py", "examination.py"}


def test_a_checkout_without_the_journey_has_no_figures_of_it(checkout: Path) -> None:
    assert journey_size.follow(journey_size.Sources(checkout), "notice") is None


@pytest.fixture(scope="module")
def sources() -> journey_size.Sources:
    """Everything that is committed, read once."""
    return journey_size.Sources(CHECKOUT)


@pytest.mark.parametrize(("journey", "most"), [("upload", 8), ("notice", 12)])
def test_a_journey_is_followed_through_few_files(sources: journey_size.Sources, journey: str, most: int) -> None:
    reading = journey_size.follow(sources, journey)
    assert reading
    assert 3 < len(reading.spine) <= most, sorted(path.name for path in reading.spine)


def test_both_journeys_are_walked_and_seen() -> None:
    script = CHECKOUT / "tools" / "journey_trace.py"
    ended = subprocess.run([sys.executable, script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert figures["upload traced: files"] > 20
    assert figures["notice traced: functions"] > 100
