"""Which contents of a body are looked at, and which bodies can be read in several ways."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.errors import UncheckedError
from goodhoster_agent.doors.icap.contents import contents_of
from goodhoster_agent.doors.icap.messages import HttpMessage
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

PICTURE = b"\x89PNG\r\n\x1a\n a made-up picture \n\r\n"
LONGEST = 1 << 20
FORM = "multipart/form-data; boundary=XX"


def message(*fields: str) -> HttpMessage:
    return HttpMessage("".join(f"{line}\r\n" for line in ("POST / HTTP/1.1", "Host: a.example", *fields, "")).encode())


def found(body: bytes, *fields: str) -> list[bytes]:
    """Each content that is looked at."""
    contents = []
    with closing(StreamContent(StreamBudget(1 << 30))) as stream:
        for start in range(0, len(body), 50_000):
            assert stream.add(body[start : start + 50_000])
        for each in contents_of(message(*fields), stream, LONGEST):
            whole = each.content if isinstance(each.content, bytes) else os.pread(each.content, 1 << 24, 0)
            contents.append(whole)
    return contents


def form(*contents: bytes, head: bytes = b'Content-Disposition: form-data; name="f"; filename="f.png"') -> bytes:
    return b"".join(b"--XX\r\n" + head + b"\r\n\r\n" + each + b"\r\n" for each in contents) + b"--XX--\r\n"


def in_form(body: bytes, kind: str = FORM) -> list[bytes]:
    return found(body, f"Content-Type: {kind}")


def test_a_body_is_one_content() -> None:
    assert found(PICTURE, "Content-Type: image/png") == [PICTURE]
    assert found(PICTURE) == [PICTURE]


@given(st.lists(st.binary(min_size=1, max_size=200_000).filter(lambda each: b"--XX" not in each), max_size=5))
def test_every_part_of_a_form_is_a_content_of_its_own(contents: list[bytes]) -> None:
    assert in_form(form(*contents)) == contents


def test_a_field_without_a_file_s_name_counts_as_well() -> None:
    assert in_form(form(PICTURE, head=b'Content-Disposition: form-data; name="f"')) == [PICTURE]


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/form-data; boundary="XX"',
        "multipart/form-data;boundary=XX",
        "Multipart/Form-Data; charset=utf-8; Boundary=XX",
        "multipart/related; boundary=XX; type=image/png",
        "multipart/mixed; boundary=XX",
    ],
)
def test_a_form_is_one_in_each_usual_spelling(kind: str) -> None:
    assert in_form(form(PICTURE), kind) == [PICTURE]


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=XX; boundary=YY",
        'multipart/form-data; x="; boundary=YY"; boundary=XX; boundary*=ZZ',
        "multipart/form-data, boundary=XX",
        'multipart/form-data; boundary="X\\X"',
        "multipart/form-data; boundary=XX,YY",
        "text/plain; multipart/form-data; boundary=XX",
        "application/http; boundary=XX",
        "message/rfc822; boundary=XX",
    ],
)
def test_a_kind_that_does_not_tell_one_boundary_is_unchecked(kind: str) -> None:
    with pytest.raises(UncheckedError) as raised:
        in_form(form(PICTURE), kind)
    assert raised.value.reason == "ambiguous"


HEAD = b'Content-Disposition: form-data; name="f"; filename="f.png"'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(form(b"a") + b"--XX\r\n" + HEAD + b"\r\n\r\n" + PICTURE + b"\r\n--XX--\r\n", id="after the last"),
        pytest.param(b"first\r\n" + form(PICTURE), id="before the first"),
        pytest.param(b"--XX\n" + HEAD + b"\n\n" + PICTURE + b"\n--XX--\n", id="line feeds alone"),
        pytest.param(form(b"a\n--XX\n" + HEAD + b"\n\n" + PICTURE), id="a boundary behind a line feed alone"),
        pytest.param(form(b"a --XX b"), id="a boundary within a line"),
        pytest.param(b"--XX \r\n" + HEAD + b"\r\n\r\n" + PICTURE + b"\r\n--XX--\r\n", id="a blank behind a boundary"),
        pytest.param(b"--XX\r\n" + HEAD + b"\r\n\r\n" + PICTURE, id="cut off"),
        pytest.param(b"--XX\r\n" + HEAD + b"\r\n\r\n" + PICTURE + b"\r\n--XX", id="cut off in a boundary"),
        pytest.param(b"--XX\r\n--XX--\r\n", id="a part of nothing"),
        pytest.param(
            b"--XX\r\n" + HEAD + b"\n\nx: y\r\n\r\n" + PICTURE + b"\r\n--XX--\r\n", id="a head that ends twice"
        ),
        pytest.param(form(PICTURE, head=HEAD + b"\r\n folded"), id="a folded line"),
        pytest.param(form(PICTURE, head=HEAD + b"\r\n" + HEAD), id="a field twice"),
        pytest.param(form(PICTURE, head=HEAD + b"\r\nContent-Transfer-Encoding: base64"), id="an encoding"),
        pytest.param(form(PICTURE, head=HEAD + b"\r\nContent-Encoding: deflate"), id="a packed part"),
        pytest.param(form(PICTURE, head=HEAD + b"\r\nContent-Type: message/rfc822"), id="a mail in a part"),
        pytest.param(form(PICTURE, head=HEAD + b"\r\nContent-Type: multipart/mixed; boundary=Y"), id="parts in a part"),
        pytest.param(form(PICTURE) + b" " * 100 + b"x", id="blanks, then more"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_form_that_programs_read_in_several_ways_is_unchecked(body: bytes) -> None:
    with pytest.raises(UncheckedError) as raised:
        in_form(body)
    assert raised.value.reason == "ambiguous"


def test_too_many_parts_are_unchecked() -> None:
    assert len(in_form(form(*[b"a"] * 1000))) == 1000
    with pytest.raises(UncheckedError) as raised:
        in_form(form(*[b"a"] * 1001))
    assert raised.value.reason == "too-many"


def test_a_kind_that_is_said_twice_is_unchecked() -> None:
    with pytest.raises(UncheckedError):
        found(form(PICTURE), "Content-Type: text/plain", f"Content-Type: {FORM}")
    with pytest.raises(UncheckedError):
        found(form(PICTURE), "Content-Type: text/plain;", f" {FORM}")


@pytest.mark.parametrize("size", [10, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip"])
def test_what_is_packed_is_looked_at_as_it_is_and_unpacked(coding: str, size: int) -> None:
    content = PICTURE * (size // len(PICTURE) + 1)
    packed = zlib.compress(content) if coding == "deflate" else gzip.compress(content, mtime=0)
    assert found(packed, f"Content-Encoding: {coding}") == [packed, content]


def raw_deflate(content: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(content) + packing.flush()


def gzip_with(flag: int, extra: bytes, content: bytes) -> bytes:
    """A gzip stream with an optional field in its header (RFC 1952, 2.3)."""
    head = b"\x1f\x8b\x08" + bytes([flag]) + bytes(6) + extra
    return head + raw_deflate(content) + struct.pack("<II", zlib.crc32(content), len(content))


EXTRA, NAME, COMMENT = 4, 8, 16


def hidden_in_packing(hidden: bytes, content: bytes) -> dict[str, tuple[str, bytes]]:
    """Ways to keep bytes readable within a stream that unpacks to the content alone (without NUL for two of them)."""
    stored = struct.pack("<BHH", 0, len(hidden), len(hidden) ^ 0xFFFF) + hidden
    return {
        "extra": ("gzip", gzip_with(EXTRA, struct.pack("<H", len(hidden)) + hidden, content)),
        "x-gzip": ("x-gzip", gzip_with(EXTRA, struct.pack("<H", len(hidden)) + hidden, content)),
        "extra, labelled deflate": ("deflate", gzip_with(EXTRA, struct.pack("<H", len(hidden)) + hidden, content)),
        "name": ("gzip", gzip_with(NAME, hidden.replace(b"\0", b"") + b"\0", content)),
        "comment": ("gzip", gzip_with(COMMENT, hidden.replace(b"\0", b"") + b"\0", content)),
        "stored": ("deflate", b"\x78\x01" + stored + raw_deflate(content) + adler(hidden + content)),
    }


def adler(content: bytes) -> bytes:
    return struct.pack(">I", zlib.adler32(content))


WAYS = list(hidden_in_packing(b"", b""))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [FORM, "multipart/mixed; boundary=XX"])
def test_a_form_that_is_read_without_unpacking_is_unchecked(kind: str, way: str) -> None:
    """The bytes of the packed stream show a second form to whoever does not unpack it."""
    for hidden in (b"\r\n" + form(PICTURE), b"\n--XX\n" + HEAD + b"\n\n" + PICTURE):
        coding, packed = hidden_in_packing(hidden, form(b"harmless"))[way]
        with pytest.raises(UncheckedError) as raised:
            found(packed, f"Content-Encoding: {coding}", f"Content-Type: {kind}")
        assert raised.value.reason == "ambiguous"


@pytest.mark.parametrize("way", WAYS)
def test_values_that_are_read_without_unpacking_are_contents(way: str) -> None:
    written = b"".join(b"%%%02X" % each for each in PICTURE)
    coding, packed = hidden_in_packing(b"&f=" + written + b"&", b"a=b")[way]
    kind = "Content-Type: application/x-www-form-urlencoded"
    assert PICTURE in found(packed, f"Content-Encoding: {coding}", kind)


def test_what_is_known_in_a_packed_form_counts_before_a_second_reading() -> None:
    coding, packed = hidden_in_packing(form(b"x"), form(PICTURE))["extra"]
    stream = StreamContent(StreamBudget(1 << 30))
    stream.add(packed)
    contents = contents_of(message(f"Content-Encoding: {coding}", f"Content-Type: {FORM}"), stream, LONGEST)
    assert [next(contents).content, next(contents).content] == [packed, PICTURE]
    stream.close()


@pytest.mark.parametrize("size", [1, 3 << 20], ids=["small", "large"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_of_several_streams_the_first_is_looked_at_and_all_are_unchecked(coding: str, size: int) -> None:
    """Browsers and Node read the first one alone, gzip itself all of them."""
    pack = zlib.compress if coding == "deflate" else lambda content: gzip.compress(content, mtime=0)
    stream = StreamContent(StreamBudget(1 << 30))
    stream.add(pack(PICTURE) + pack(os.urandom(size)))
    contents = contents_of(message(f"Content-Encoding: {coding}"), stream, LONGEST)
    next(contents)
    assert next(contents).content == PICTURE
    with pytest.raises(UncheckedError) as raised:
        next(contents)
    assert raised.value.reason == "ambiguous"
    stream.close()


def test_values_of_an_encoded_form_are_contents_where_they_are_more_than_text() -> None:
    body = f"name=Anna+B&f={quote_plus(PICTURE)}&{quote_plus(PICTURE)}=1&c=caf%C3%A9".encode()
    plus = PICTURE.replace(b" ", b"+")  # a program that does not take it for a blank
    assert found(body, "Content-Type: application/x-www-form-urlencoded") == [
        PICTURE,
        plus,
        PICTURE,
        plus,
        "caf\u00e9".encode(),
        body,
    ]


def test_a_semicolon_and_a_plus_are_read_both_ways() -> None:
    written = b"".join(b"%%%02X" % each for each in PICTURE)
    kind = "Content-Type: application/x-www-form-urlencoded"
    assert PICTURE in found(b"a=1;f=" + written + b";b=2", kind)
    assert PICTURE in found(b"f=" + quote_plus(PICTURE, safe=";").encode(), kind)
    with_plus, with_semicolon = b"\x89PNG a+b", b"\x89PNG a;b"
    assert with_plus in found(b"f=%89PNG%20a+b", kind)
    assert b"\x89PNG a b" in found(b"f=%89PNG%20a+b", kind)
    assert with_semicolon in found(b"f=%89PNG%20a;b", kind)
    asked = HttpMessage(b"GET /x?a=1;f=" + written + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    stream = StreamContent(StreamBudget(1 << 30))
    assert PICTURE in [each.content for each in contents_of(asked, stream, LONGEST)]


def test_too_many_values_are_unchecked_whatever_separates_them() -> None:
    for separator in (b"&", b";"):
        with pytest.raises(UncheckedError) as raised:
            found(separator.join([b"a=1"] * 1002), "Content-Type: application/x-www-form-urlencoded")
        assert raised.value.reason == "too-many"


def test_values_of_the_address_are_contents_as_well() -> None:
    asked = HttpMessage(f"GET /x?f={quote_plus(PICTURE)} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    stream = StreamContent(StreamBudget(1 << 30))
    plus = PICTURE.replace(b" ", b"+")
    assert [each.content for each in contents_of(asked, stream, LONGEST)] == [PICTURE, plus, b""]


def test_a_transfer_that_is_packed_is_unchecked() -> None:
    with pytest.raises(UncheckedError):
        found(zlib.compress(PICTURE), "Transfer-Encoding: deflate")
    assert found(PICTURE, "Transfer-Encoding: chunked") == [PICTURE]


def test_a_part_that_states_its_own_length_is_that_long() -> None:
    stated = HEAD + b"\r\nContent-Length: %d"
    assert in_form(form(PICTURE, head=stated % len(PICTURE))) == [PICTURE]
    with pytest.raises(UncheckedError):
        in_form(form(PICTURE + b"junk", head=stated % len(PICTURE)))


def test_a_packed_form_is_split() -> None:
    packed = gzip.compress(form(PICTURE, b"two"), mtime=0)
    assert found(packed, "Content-Encoding: gzip", f"Content-Type: {FORM}") == [packed, PICTURE, b"two"]


@pytest.mark.parametrize(
    ("coding", "content", "reason"),
    [
        ("br", PICTURE, "coding"),
        ("gzip, gzip", PICTURE, "coding"),
        ("gzip", PICTURE, "coding"),
        ("gzip", gzip.compress(PICTURE, mtime=0)[:-9], "coding"),
        ("gzip", gzip.compress(bytes(1 << 22), mtime=0), "too-big"),
    ],
    ids=["unknown", "twice", "not packed", "cut off", "a bomb"],
)
def test_what_cannot_be_unpacked_is_unchecked_after_it_was_looked_at(coding: str, content: bytes, reason: str) -> None:
    stream = StreamContent(StreamBudget(1 << 30))
    stream.add(content)
    contents: Iterator[object] = contents_of(message(f"Content-Encoding: {coding}"), stream, LONGEST)
    next(contents)
    with pytest.raises(UncheckedError) as raised:
        next(contents)
    assert raised.value.reason == reason
    stream.close()
