"""Recognises and reads list files of hotlines, police, researchers and tools, as a stream.

The format is recognised by the beginning of the file, never by its name, and nothing is guessed. The first entry that
is wrong ends the reading with a ConfigurationError that names the file, the line and what it holds. Memory does not
grow with the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from goodhoster.hashlists.entries import ListEntry, Reading
from goodhoster.hashlists.formats.checksum_lines import content, has_hash, read_lines
from goodhoster.hashlists.formats.json_lists import read_json
from goodhoster.hashlists.formats.ncmec_xml import read_ncmec
from goodhoster.hashlists.formats.sqlite_tables import MAGIC, read_database
from goodhoster.hashlists.formats.tables import HASHDEEP, read_hashdeep, read_table
from goodhoster.hashlists.formats.text_stream import Lines, Stream, opened


def read_entries(reading: Reading) -> Iterator[ListEntry]:
    """Read the entries of a list file in its order.

    What else was noticed is in `reading` afterwards.
    """
    with opened(reading) as stream:
        for entry in _form(reading, stream):
            reading.entries += 1
            reading.withdrawn += entry.category is None
            yield entry
    reading.finish()


def _form(reading: Reading, stream: Stream) -> Iterator[ListEntry]:
    start = stream.head.lstrip()
    if start.startswith(MAGIC):
        return read_database(reading)
    if start.startswith((b"{", b"[")):
        return read_json(reading, stream)
    if start.startswith(b"<"):
        return read_ncmec(reading, stream)
    return _text(reading, stream)


def _text(reading: Reading, stream: Stream) -> Iterator[ListEntry]:
    if b"\0" in stream.head:
        raise reading.unusable("holds zero bytes: it is not text", "make it without -z (md5sum), or export it as text")
    lines = stream.lines()
    comment: list[tuple[int, bytes]] = []
    for number, line in lines:
        if content(line):
            return _told_by(reading, (number, line), comment, lines)
        comment = [(number, line)] if line.strip() else comment
    return read_table(reading, iter(comment))


def _told_by(
    reading: Reading, first: tuple[int, bytes], comment: Iterable[tuple[int, bytes]], lines: Lines
) -> Iterator[ListEntry]:
    """Choose the reader of a text by its first line that is no comment.

    `first` is that line; the last comment before it may be a header.
    """
    if first[1].startswith(HASHDEEP):
        return read_hashdeep(reading, itertools.chain((first,), lines))
    if has_hash(first[1]):
        return read_lines(reading, itertools.chain((first,), lines))
    return read_table(reading, itertools.chain(comment, (first,), lines))
