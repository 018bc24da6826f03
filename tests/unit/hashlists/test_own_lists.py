"""What one does with list files: replace lists by them, be told what is in no list, survive hostile ones."""

import contextlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import KINDS, Reading
from goodhoster.hashlists.formats.recognition import read_entries
from goodhoster.hashlists.own_lists import ListImportOrder, import_files, survey
from goodhoster.model.verdicts import Category

MADE_UP = "735cdfd2df22c5e1e7f7bbd470bf4e1767b16aa6"
OTHER = "28cba800908fd9fd8f0c18760450ea9352e25175"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A directory in which the police has two digests."""
    file = tmp_path / "before.txt"
    file.write_text(f"{MADE_UP}\n{'ab' * 16}\n")
    import_files(tmp_path / "lists", ListImportOrder([file], "police"))
    return tmp_path / "lists"


def sizes(lists: Path) -> dict[str, int]:
    return {status.algorithm.value: status.entries for status in survey(lists)}


def written(folder: Path, *contents: str) -> list[Path]:
    files = [folder / f"{number}.list" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_text(content)
    return files


@pytest.mark.parametrize(
    "rest",
    [
        '{"error": "token expired", "data": null}',
        '{"error": "token expired", "data": []}',
        '{"data": "see next page"}',
        "{}",
        "null",
        '"see next page"',
        "",
        "\n\n",
        "# empty today\n",
        "<html>502</html>",
        "%%%% HASHDEEP-1.0\n",
        "sep=;\n",
        "ab" * 64 + "  of a kind that is not compared\n",
    ],
)
def test_a_half_that_is_no_list_replaces_nothing(lists: Path, tmp_path: Path, rest: str) -> None:
    files = written(tmp_path, OTHER, rest)
    with pytest.raises(ConfigurationError, match=str(files[1])):
        import_files(lists, ListImportOrder(files, "police", replace=True))
    assert sizes(lists) == {"md5": 1, "sha1": 1}


@pytest.mark.parametrize(
    "rest",
    ['{"data": []}', "[]", '{"updates": {}}', "md5,category\n", "%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n",
     '<queryResult><images count="0"/></queryResult>', '{"type": "HASH_PHOTODNA", "indicator": "x"}\n[]'],
)  # fmt: skip
def test_an_empty_list_is_one(lists: Path, tmp_path: Path, rest: str) -> None:
    files = written(tmp_path, OTHER, rest)
    import_files(lists, ListImportOrder(files, "police", replace=True))
    assert sizes(lists) == {"sha1": 1}


def test_empty_lists_alone_leave_a_source_without_any(lists: Path, tmp_path: Path) -> None:
    report = import_files(lists, ListImportOrder(written(tmp_path, "[]"), "police", replace=True))
    assert [(each.algorithm.value, each.entries, each.removed) for each in report.lists] == [
        ("md5", 0, 1),
        ("sha1", 0, 1),
    ]
    assert sizes(lists) == {}


def test_the_first_page_alone_is_not_all_that_a_source_has(lists: Path, tmp_path: Path) -> None:
    page = json.dumps(
        {"data": [{"type": "HASH_SHA1", "indicator": OTHER}], "paging": {"next": "https://made-up.example"}}
    )
    last = json.dumps({"data": [{"type": "HASH_SHA1", "indicator": MADE_UP}], "paging": {}})
    files = written(tmp_path, page, last)
    with pytest.raises(ConfigurationError, match="more follows"):
        import_files(lists, ListImportOrder(files[:1], "police", replace=True))
    assert sizes(lists) == {"md5": 1, "sha1": 1}
    import_files(lists, ListImportOrder(files, "police", replace=True))
    assert sizes(lists) == {"sha1": 2}
    import_files(lists, ListImportOrder(files[:1], "police"))  # adding loses nothing


def test_an_import_of_nothing_names_its_files_and_what_they_hold(lists: Path, tmp_path: Path) -> None:
    (file,) = written(tmp_path, '[{"type": "HASH_PHOTODNA", "indicator": "x"}]')
    with pytest.raises(ConfigurationError, match="1 HASH_PHOTODNA") as refusal:
        import_files(lists, ListImportOrder([file], "police"))
    assert str(file) in str(refusal.value)


def test_what_is_in_no_list_is_told(lists: Path, tmp_path: Path) -> None:
    entries = [
        {"type": "HASH_SHA_1", "indicator": OTHER},
        {"type": "HASH_SHA1", "indicator": MADE_UP, "deleted": "true"},
        *[{"type": "HASH_TMK", "indicator": "x"}] * 3,
    ]
    report = import_files(lists, ListImportOrder(written(tmp_path, json.dumps(entries)), "police"))
    assert (report.passed_over, report.withdrawn) == ({"HASH_TMK": 3}, 1)
    assert [(each.entries, each.added, each.removed) for each in report.lists] == [(1, 1, 1)]


@pytest.mark.parametrize("said", [True, "true", "True", 1, "1", "yes"])
def test_what_is_deleted_is_not_active(tmp_path: Path, said: object) -> None:
    (file,) = written(tmp_path, json.dumps([{"fingerprints": {"sha1": OTHER}, "deleted": said}]))
    assert [category for *_, category in read_entries(Reading(file, Category.OTHER))] == [None]


@pytest.mark.parametrize("said", [False, "false", 0, "0", "", None, "no"])
def test_what_is_not_deleted_is_active(tmp_path: Path, said: object) -> None:
    (file,) = written(tmp_path, json.dumps([{"fingerprints": {"sha1": OTHER}, "deleted": said}]))
    assert [category for *_, category in read_entries(Reading(file, Category.OTHER))] == ["other"]


def test_pdqs_that_were_taken_for_sha256_change_nothing(lists: Path, tmp_path: Path) -> None:
    pdqs = "\n".join(f"{number:02x}{number ^ 255:02x}" + "0f" * 30 for number in range(8))
    files = written(tmp_path, pdqs)
    with pytest.raises(ConfigurationError, match="look like PDQ"):
        import_files(lists, ListImportOrder(files, "police", replace=True))
    assert sizes(lists) == {"md5": 1, "sha1": 1}
    import_files(lists, ListImportOrder(files, "police", untyped=KINDS["pdq"]))
    assert sizes(lists) == {"md5": 1, "sha1": 1, "pdq": 8}


def endless_string() -> Iterator[bytes]:
    yield b'[{"type": "'
    yield from [b"a" * (1 << 20)] * 300


def endless_nesting() -> Iterator[bytes]:
    yield from [b'{"data":[' * (1 << 16)] * 300


def endless_number() -> Iterator[bytes]:
    yield b"["
    yield from [b"1" * (1 << 20)] * 300


def many_members() -> Iterator[bytes]:
    yield b'[{"fingerprints": {'
    yield from [b"".join(b'"%d-%d": "x",' % (block, member) for member in range(1 << 15)) for block in range(300)]


def endless_attribute() -> Iterator[bytes]:
    yield b'<queryResult a="'
    yield from [b"a" * (1 << 20)] * 300


def endless_text() -> Iterator[bytes]:
    yield b"<queryResult><images><image><classification>"
    yield from [b"a " * (1 << 19)] * 300


def endless_cell() -> Iterator[bytes]:
    yield b'md5,note\n"'
    yield from [b"a\n" * (1 << 19)] * 300


def endless_line() -> Iterator[bytes]:
    yield b"ab" * 16 + b"  "
    yield from [b"a" * (1 << 20)] * 300


HOSTILE = [
    endless_string, endless_nesting, endless_number, many_members,
    endless_attribute, endless_text, endless_cell, endless_line,
]  # fmt: skip
READ = """
import resource, sys
from pathlib import Path
from goodhoster.hashlists.entries import Reading
from goodhoster.hashlists.formats.recognition import read_entries
from goodhoster.errors import ConfigurationError
from goodhoster.model.verdicts import Category
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 0
try:
    for _ in read_entries(Reading(Path("-"), Category.OTHER)):
        count += 1
except ConfigurationError as error:
    print(error, file=sys.stderr)
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def read_apart(blocks: Iterator[bytes]) -> tuple[int, int, str]:
    """What a reader of its own makes of the blocks: entries, KiB of memory beyond those at its start, its refusal."""
    with subprocess.Popen(
        [sys.executable, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        assert reader.stderr
        with contextlib.suppress(BrokenPipeError):
            for block in blocks:
                reader.stdin.write(block)
        with contextlib.suppress(BrokenPipeError):
            reader.stdin.close()
        out, err = reader.stdout.read(), reader.stderr.read()
    count, memory = out.split()
    return int(count), int(memory), err.decode()


@pytest.mark.slow
@pytest.mark.parametrize("blocks", HOSTILE, ids=lambda blocks: blocks.__name__)
def test_what_never_ends_is_refused_in_little_memory(blocks: Callable[[], Iterator[bytes]]) -> None:
    _, memory, refusal = read_apart(blocks())
    assert refusal.startswith("-")
    assert memory < 40 << 10


def large_json() -> Iterator[bytes]:
    yield b'{"odata.metadata": "x", "value": ['
    for block in range(16):
        yield b",".join(
            b'{"MediaID": %d, "Category": 1, "MD5": "%032x", "SHA1": "%040x"}' % (number, number, number)
            for number in range(block << 13, (block + 1) << 13)
        ) + (b"," if block < 15 else b"]}")


def large_table() -> Iterator[bytes]:
    yield b"md5;Category\n"
    for block in range(16):
        yield b"".join(b"%032x;1\n" % number for number in range(block << 13, (block + 1) << 13))


def large_xml() -> Iterator[bytes]:
    yield b"<queryResult><images>"
    for block in range(16):
        yield b"".join(
            b"<image><fingerprints><md5>%032x</md5></fingerprints></image>" % number
            for number in range(block << 13, (block + 1) << 13)
        )
    yield b"</images></queryResult>"


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "entries"), [(large_json, 2 << 17), (large_table, 1 << 17), (large_xml, 1 << 17)])
def test_memory_does_not_grow_with_the_file(blocks: Callable[[], Iterator[bytes]], entries: int) -> None:
    count, memory, refusal = read_apart(blocks())
    assert (count, refusal) == (entries, "")
    assert memory < 20 << 10


def test_a_closed_standard_input_is_no_list() -> None:
    script = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(READ)} <&-"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.startswith("- (standard input) is closed")
