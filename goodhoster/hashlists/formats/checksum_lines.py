r"""Lists with one hash a line, as programs that take checksums write them.

    <hash>                          a hash alone; `#` begins a comment
    <hash>  <name>, <hash> *<name>  md5sum, sha1sum, sha256sum; md5deep, with sizes before it too; a `\` before it
    SHA256 (<name>) = <hash>        the same with --tag, BSD's md5 and sha256, OpenSSL
    <hash>:<size>:<name>            ClamAV's .hdb and .hsb; the size is not compared

The length tells the kind where the line does not. Lines of all of these may stand in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from goodhoster.hashlists.entries import ListEntry, Reading, unhex
from goodhoster.hashlists.formats.text_stream import Lines
from goodhoster.hashlists.formats.vocabulary import kind_named

_SUM = re.compile(rb"\\?(?:[ \t]*[0-9]{1,20}  )?([0-9A-Fa-f]{16,})(?: [ *]|\t).+", re.DOTALL)
_TAG = re.compile(rb"\\?([A-Za-z][A-Za-z0-9/-]*) ?\((.*)\) ?= ?([0-9A-Fa-f]+)", re.DOTALL)
_CLAMAV = re.compile(rb"([0-9A-Fa-f]{32,}):(?:[0-9]+|\*):[^:]+(?::[0-9]*){0,2}")
_SECTION = re.compile(rb"(?:[0-9]+|\*):[0-9A-Fa-f]{32,}:[^:]+(?::[0-9]*){0,2}")
_SUMS_NOT_COMPARED = {28: "sha224", 48: "sha384", 64: "sha512"}
_HARMLESS = {".fp", ".sfp"}


def content(line: bytes) -> bytes:
    """The part of a line before its comment."""
    return line.partition(b"#")[0].strip()


def has_hash(line: bytes) -> bool:
    """Return whether a line is in one of these forms."""
    value = unhex(content(line))
    return (value is not None and len(value) > 0) or any(
        form.fullmatch(line.strip()) for form in (_SUM, _TAG, _CLAMAV, _SECTION)
    )


def read_lines(reading: Reading, lines: Lines) -> Iterator[ListEntry]:
    """Read the entries of lines of which the first has a hash.

    ConfigurationError names the first line that has none.
    """
    if reading.path.suffix in _HARMLESS:
        raise reading.unusable("is a ClamAV allow list, by its name", "it is not a list of known contents")
    category = reading.category
    for number, line in lines:
        text = content(line)
        value = unhex(text)
        if value:
            kind = reading.of_unknown_kind(value)
            if kind is None:
                raise _not_a_digest(reading, number, text)
            yield ListEntry(kind, value, category)
        elif text:
            yield from _summed(reading, number, line.strip())


def _summed(reading: Reading, number: int, line: bytes) -> Iterator[ListEntry]:
    if found := _TAG.fullmatch(line):
        name = found[1].decode()
        kind = kind_named(name)
        if kind is None:
            reading.passed_over[name] += 1
            return
        value = unhex(found[3])
        if value is None or len(value) != kind.width:
            raise reading.bad(f"line {number}", found[3], f"is not a hexadecimal {kind}")
        yield ListEntry(kind, value, reading.category)
        return
    found = _SUM.fullmatch(line) or _CLAMAV.fullmatch(line)
    if found is None:
        if _SECTION.fullmatch(line):
            raise reading.bad(
                f"line {number}", line, "is the hash of a part of a program (ClamAV's .mdb), not of a file"
            )
        raise _not_a_digest(reading, number, content(line))
    value = unhex(found[1])
    kind = None if value is None else reading.of_unknown_kind(value)
    if value is not None and kind is not None:
        yield ListEntry(kind, value, reading.category)
    elif value is not None and reading.untyped is None and len(value) in _SUMS_NOT_COMPARED:
        reading.passed_over[_SUMS_NOT_COMPARED[len(value)]] += 1
    else:
        raise _not_a_digest(reading, number, found[1])


def _not_a_digest(reading: Reading, number: int, text: bytes) -> Exception:
    expected = reading.untyped or "MD5, SHA-1 or SHA-256 digest"
    return reading.bad(f"line {number}", text, f"is not a hexadecimal {expected}")
