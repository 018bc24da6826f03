import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.content_kinds import HEAD, kind_of, named_as_picture
from goodhoster.model.verdicts import Kind

HEADS = {
    Kind.IMAGE: [
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\xff\xd8\xff\xe1\0\x10Exif",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"GIF87a\1\0",
        b"GIF89a\1\0",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"BM\x36\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"II+\0\x08\0\0\0",
        b"\0\0\1\0\1\0",
        b"\0\0\0\x1cftypavif\0\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\0\0\0\x18ftypmif1\0\0\0\0",
        b"\0\0\0\x18ftyp\0\0\0\0\0\0\0\0mif1heic\0\0\0\x1emeta",
        b"\0\0\0\x1cftypisom\0\0\2\0isommp41avif",
        b"\xff\x0a\xfa\x7f",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"8BPS\0\1",
    ],
    Kind.VIDEO: [
        b"\0\0\0\x18ftypisom\0\0\2\0",
        b"\0\0\0\x14ftypqt  ",
        b"\0\0\0\x14ftypisom\0\0\2\0mp41heic",
        b"\0\0\0\x08mdat\0\0",
        b"\0\0\0\x08moov\0\0",
        b"RIFF\x24\0\0\0AVI LIST",
        b"\x1a\x45\xdf\xa3\x01\0\0\0",
        b"FLV\1\5",
        b"\0\0\1\xba\x44",
        b"OggS\0\2",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    ],
    Kind.OTHER: [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"RIFF",
        b"<?php echo 1;",
        b"%PDF-1.7",
        b"PK\3\4",
        b"\0" * 64,
        b"GIF88a",
    ],
}


@pytest.mark.parametrize(("kind", "head"), [(kind, head) for kind, heads in HEADS.items() for head in heads])
def test_the_first_bytes_decide(kind: Kind, head: bytes) -> None:
    assert kind_of(head) is kind


@given(st.binary(max_size=100))
def test_the_first_bytes_are_enough(content: bytes) -> None:
    assert kind_of(content) is kind_of(content[:HEAD])


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        (b"a.jpg", True),
        (b"a.JPEG", True),
        (b"\xff.mp4", True),
        (b"a.txt", False),
        (b"jpg", False),
        (b"a.jpg.php", False),
    ],
)
def test_a_name_may_claim_a_picture(name: bytes, claims: bool) -> None:  # noqa: FBT001 - pytest gives it
    assert named_as_picture(name) is claims
    assert named_as_picture(os.path.join(b"folder.png", name)) is claims
