import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.content_kinds import HEAD, kind_of, named_as_picture
from goodhoster.model.verdicts import ContentKind

HEADS = {
    ContentKind.IMAGE: [
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
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"II\x1a\0\0\0HEAPCCDR",
        b"\0MRM\0\0",
        b"FOVb\0\0",
        b"II\xbc\1\x20\0\0\0",
        b"\x76\x2f\x31\1\2\0\0\0",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe",
        b"SDPX\0\0\x20\0",
        b"XPDS\0\x20\0\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made up -->\n<svg:svg width='1'>",
        b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>\n<!--" + b"x" * 2000,
        b"P6\n# made up\n1 1\n255\n",
        b"P3 1 1 255 0 0 0",
        b"P7\nWIDTH 1",
        b"\x0a\5\1\x08\0\0",
        b"\1\xda\1\1\0\3",
        b"icns\0\0\1\0",
        b"qoif\0\0\0\1",
        b"DDS \x7c\0\0\0",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xc5\xd0\xd3\xc6\x20\0",
        b"AT&TFORM\0\0\1\0DJVU",
        b"\0" * 128 + b"DICM\2\0",
        b"gimp xcf v011",
        b"FORM\0\0\1\0ILBM",
        b"\xd7\xcd\xc6\x9a\0\0",
        b"\1\0\0\0" + b"\0" * 36 + b" EMF",
        b"/* XPM */\nstatic",
        b"\x59\xa6\x6a\x95",
    ],
    ContentKind.VIDEO: [
        b"\x47\x40\0\x10" + b"\xff" * 184 + b"\x47\x50\0\x10" + b"\xff" * 184 + b"\x47",
        b"\0\0\0\1\x47\x40" + b"\xff" * 190 + b"\x47\x50" + b"\xff" * 190 + b"\x47",
        b"\x06\x0e\x2b\x34\2\5\1\1\r\1\2\1\1\2\4\0",
        b"\x1f\7\0\xbf\xf8",
        b".RMF\0\0\0\x12",
        b"CWS\x0a\0\0",
        b"\0\0\0\x18stypmsdh\0\0\0\0",
        b"\0\0\0\x2csidx\0\0",
        b"\0\0\0\x20moof\0\0",
        b"\0\0\0\x08wide\0\0\0\0mdat",
        b"\0\0\0\x08free\0\0\0\0mdat",
        b"\0\0\0\x08skip\0\0\0\0moov",
        b"\0\0\0\x14pnot\0\0",
        b"\0\0\0\1\x67\x42\0\x1e",
        b"DKIF\0\0\x20\0VP80",
        b"YUV4MPEG2 W1 H1\n",
        b"\0\1\0\0\x12\xaf\1\0",
        b"RIFF\0\0\0\0AMV LIST",
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
    ContentKind.OTHER: [
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
        b"G" * 189,
        b"Good morning. " * 80,
        b"\x47" + b"a" * 100,
        b"Perl is not P6",
        b"P5",
        b"<html><body><svg/></body></html>",
        b"<?xml version='1.0'?><rss/>",
        b"ID3\3\0",
        b"fLaC",
        b"FORM\0\0\0\0AIFF",
        b"\1\xda",
        b"#!/bin/sh",
    ],
}


@pytest.mark.parametrize(("kind", "head"), [(kind, head) for kind, heads in HEADS.items() for head in heads])
def test_the_first_bytes_decide(kind: ContentKind, head: bytes) -> None:
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
        *((b"a." + suffix, True) for suffix in b"tga svg m2ts MTS mxf dv rm swf m4s cr3 nef raf jxr eps dcm".split()),
        *((b"a." + suffix, False) for suffix in b"php css js html pdf zip mp3 wav json xml tgz ts".split()),
    ],
)
def test_a_name_may_claim_a_picture(name: bytes, claims: bool) -> None:  # noqa: FBT001 - pytest gives it
    assert named_as_picture(name) is claims
    assert named_as_picture(os.path.join(b"folder.png", name)) is claims
