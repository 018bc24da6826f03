"""An own list answers as a dict would, and what is written to a list file is what is read."""

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists import importing
from goodhoster.hashlists.digest_list import DigestList, Entry
from goodhoster.hashlists.entries import Reading
from goodhoster.hashlists.file_names import list_path
from goodhoster.hashlists.formats.recognition import read_entries
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

CATEGORIES = st.sampled_from(Category)
GRAVEST_FIRST = list(Category)


@st.composite
def digests(draw: st.DrawFn, width: int) -> bytes:
    """Any digest; many share their beginning or are made of one byte, so that they straddle each other's places."""
    byte = st.sampled_from([b"\0", b"\1", b"\xff"])
    return draw(
        st.one_of(
            st.binary(min_size=width, max_size=width),
            byte.map(lambda b: b * width),
            st.lists(byte, min_size=width, max_size=width).map(b"".join),
            st.binary(min_size=1, max_size=1).map(lambda b: bytes(width - 1) + b),
        )
    )


def entries(algorithm: Algorithm, most: int = 200) -> st.SearchStrategy[list[Entry]]:
    return st.lists(st.tuples(digests(algorithm.width), CATEGORIES), max_size=most)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def as_dict(given_entries: list[Entry]) -> dict[bytes, Category]:
    """The gravest category of each digest."""
    gravest_last = sorted(given_entries, key=lambda entry: -GRAVEST_FIRST.index(entry[1]))
    return dict(gravest_last)


@given(st.data(), st.sampled_from(Algorithm))
def test_a_list_answers_as_a_dict(data: st.DataObject, algorithm: Algorithm) -> None:
    first = data.draw(entries(algorithm).filter(bool))
    more = data.draw(entries(algorithm))
    asked = data.draw(st.lists(digests(algorithm.width)))
    with folder() as directory:
        import_entries(directory, "s", first)
        if more:
            import_entries(directory, "s", more)
        opened = DigestList.open(list_path(directory, "s", algorithm))
        opened.verify()
        known = as_dict(first + more)
        assert {value: opened.find(value) for value in known} == known
        assert [opened.find(value) for value in asked] == [known.get(value) for value in asked]
        assert list(opened) == sorted(known.items())
        assert len(opened) == len(known)
        assert sum(opened.categories.values()) == len(known)


@given(st.integers(0, 300), st.integers(1, 3))
def test_digests_in_one_long_bucket_are_found(count: int, step: int) -> None:
    """Made-up digests may count upwards: then all lie in one bucket."""
    known = {(i * step).to_bytes(20): Category.OTHER for i in range(count + 1)}
    with folder() as directory:
        import_entries(directory, "s", known.items())
        opened = DigestList.open(list_path(directory, "s", Algorithm.SHA1))
        asked = [i.to_bytes(20) for i in range(count * step + 3)]
        assert [opened.find(value) for value in asked] == [known.get(value) for value in asked]


@given(st.data())
def test_adding_and_replacing_say_what_changed(data: st.DataObject) -> None:
    before = data.draw(entries(Algorithm.MD5).filter(bool))
    after = data.draw(entries(Algorithm.MD5).filter(bool))
    old, new = {value for value, _ in before}, {value for value, _ in after}
    with folder() as directory:
        import_entries(directory, "s", before)
        (added,) = import_entries(directory, "s", after)
        assert (added.entries, added.added, added.removed) == (len(old | new), len(new - old), 0)
        import_entries(directory, "s", before, replace=True)
        (replaced,) = import_entries(directory, "s", after, replace=True)
        assert (replaced.entries, replaced.added, replaced.removed) == (len(new), len(new - old), len(old - new))


@given(st.data(), st.integers(1, 5))
def test_what_is_withdrawn_is_gone_and_nothing_else(data: st.DataObject, run: int) -> None:
    before = data.draw(entries(Algorithm.MD5).filter(bool))
    withdrawn = data.draw(st.lists(st.sampled_from([value for value, _ in before]) | digests(16), min_size=1))
    more = data.draw(entries(Algorithm.MD5))
    with folder() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "_RUN", run)  # so many records are sorted at a time
        import_entries(directory, "s", before)
        import_entries(directory, "s", [*more, *((value, None) for value in withdrawn)])
        known = as_dict([entry for entry in before if entry[0] not in withdrawn] + more)
        assert list(DigestList.open(list_path(directory, "s", Algorithm.MD5))) == sorted(known.items())


ANY_DIGEST = st.sampled_from(Algorithm).flatmap(lambda algorithm: digests(algorithm.width))
NOISE = st.sampled_from(["", "  ", "# made up", "\t"])


@given(st.lists(st.tuples(ANY_DIGEST, st.booleans(), NOISE)), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines_are_read_as_they_were_written(
    rows: list[tuple[bytes, bool, str]],
    end: str,
    marked: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    lines = [line for value, upper, noise in rows for line in (noise, value.hex().upper() if upper else value.hex())]
    text = end.join(lines).encode("utf-8-sig" if marked else "utf-8")
    with folder() as directory:
        (directory / "list").write_bytes(text)
        read = list(read_entries(Reading(directory / "list", Category.ILLEGAL)))
    assert [entry[1:] for entry in read] == [(value, Category.ILLEGAL) for value, _, _ in rows]


NOTES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
ROWS = st.lists(st.tuples(digests(20), NOTES, CATEGORIES, st.none() | digests(16)), min_size=1)


@given(ROWS, st.sampled_from(",;"))
@example([(bytes(20), "#", Category.OTHER, None)], ",")
def test_csv_is_read_as_it_was_written(rows: list[tuple[bytes, str, Category, bytes | None]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["SHA1", "note", "Category", "md5"])
    writer.writerows([v.hex(), note, category, md5.hex() if md5 is not None else ""] for v, note, category, md5 in rows)
    expected = [(d, category) for v, _, category, md5 in rows for d in (v, md5) if d is not None]
    with folder() as directory:
        (directory / "list").write_bytes(out.getvalue().encode())
        assert [entry[1:] for entry in read_entries(Reading(directory / "list", Category.BASELINE))] == expected


@given(st.binary(max_size=400))
@example(b"\x00" * 100)
@example(b'md5\n"')
@example(b"sha1\n\xff\xfe")
@example(b"[" * 100)
@example(b'{"data": 1}')
@example(b"[[]]")
@example(b"[" * 2000)
@example(b'{"a":' * 2000)
@example(b"{}")
@example(b"[1" + b"0" * 5000 + b"]")
@example(b"[1e999999999]")
@example(b"<a>" * 100)
@example(b"<queryResult>")
@example(b"SQLite format 3\0" + b"\0" * 100)
@example(b"\x1f\x8b\x08")
@example(b"BZh9")
@example(b"\xfd7zXZ\0")
@example(b"\xff\xfe")
@example(b"\xff\xfe0")
@example(b"%%%% size,md5,filename\n1")
@example(b"sep=;\n")
def test_any_file_is_read_or_refused(content: bytes) -> None:
    with folder() as directory:
        (directory / "list").write_bytes(content)
        try:
            read = list(read_entries(Reading(directory / "list", Category.OTHER)))
        except ConfigurationError as refusal:
            assert str(refusal).startswith(str(directory / "list"))  # noqa: PT017 - one of two allowed outcomes
        else:
            assert {len(entry.value) for entry in read} <= {16, 20, 32}
