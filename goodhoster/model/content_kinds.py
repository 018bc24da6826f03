"""The kind of a content: by its first bytes, and by the suffix where those do not tell.

A name only adds: `holiday.txt` may be a picture. Signatures: as their standards, makers and file(1) have them.
"""

from __future__ import annotations

import re

from goodhoster.model.verdicts import ContentKind

_PROGRAMS = (
    b".html .htm .xhtml .xht .shtml .css .js .mjs .json .xml .svg .txt "
    b".php .phtml .phar .cgi .pl .py .rb .asp .aspx .jsp .sh"
).split()
"""Pages and programs by their names: `GIF89a<?php` is a program, whatever it begins with."""
HEAD = 1024
"""Bytes from the start that are enough to decide."""

_IMAGES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"\x8aMNG\r\n\x1a\n",
    b"\x8bJNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF and BigTIFF; most cameras' raw files
    *(
        b"IIRO",
        b"IIRS",
        b"MMOR",
        b"IIU\0",
        b"FUJIFILMCCD-RAW",
        b"FOVb",
        b"II\x1a\0\0\0HEAPCCDR",
        b"\0MRM",
    ),  # the others'
    *(b"\0\0\1\0", b"\0\0\2\0"),  # icon, cursor
    *(b"\xff\x0a", b"\0\0\0\x0cJXL "),  # JPEG XL
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),  # JPEG 2000
    b"II\xbc\1",  # JPEG XR
    b"\x97JB2\r\n\x1a\n",  # JBIG2
    *(b"8BPS", b"gimp xcf"),
    b"\x76\x2f\x31\1",  # OpenEXR
    *(b"#?RADIANCE", b"#?RGBE"),
    *(b"SDPX", b"XPDS", b"\x80\x2a\x5f\xd7"),  # DPX, Cineon
    *(b"icns", b"qoif", b"DDS ", b"BPG\xfb", b"FLIF", b"farbfeld", b"VTF\0", b"BLP2", b"\x13\xab\xa1\x5c"),
    *(b"\xabKTX 11\xbb", b"\xabKTX 20\xbb"),
    *(b"%!PS", b"\xc5\xd0\xd3\xc6"),  # (encapsulated) PostScript
    b"AT&TFORM",  # DjVu
    b"\x59\xa6\x6a\x95",  # Sun raster
    b"\xd7\xcd\xc6\x9a",  # WMF
    b"SIMPLE  =",  # FITS
    *(b"/* XPM */", b"PF\n", b"Pf\n"),
)
_VIDEOS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\1",
    *(b"\0\0\1\xba", b"\0\0\1\xb3", b"\0\0\1\xb0", b"\0\0\1\xb5"),  # MPEG program, video and MPEG-4 streams
    *(
        b"\0\0\0\1\x67",
        b"\0\0\1\x67",
        b"\0\0\0\1\x27",
        b"\0\0\1\x27",
        b"\0\0\0\1\x40\1",
        b"\0\0\1\x40\1",
    ),  # H.264, H.265
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"OggS",
    b"\x06\x0e\x2b\x34\2\5\1\1\r\1\2\1\1",  # MXF
    *(b"\x1f\7\0\x3f", b"\x1f\7\0\xbf"),  # DV
    *(b".RMF", b".REC"),  # RealMedia
    *(b"FWS", b"CWS", b"ZWS"),  # SWF, with its version next
    *(b"DKIF", b"YUV4MPEG2 ", b"BIKi", b"KB2", b"SMK2", b"SMK4", b"nut/multimedia container\0", b"LRLV", b"MLVI"),
    b"\xb7\xd8\0\x20\x37\x49\xda\x11\xa6\x4e\0\7\xe9\x5e\xad\x8d",  # WTV
)
_IMAGE_BRANDS = frozenset({
    b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2", b"crx ", b"jxl ",
})  # fmt: skip
_RIFF = {b"WEBP": ContentKind.IMAGE, b"AVI ": ContentKind.VIDEO, b"AMV ": ContentKind.VIDEO, b"CDXA": ContentKind.VIDEO}
_BOXES = frozenset({
    b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx", b"moof", b"emsg", b"uuid", b"prft",
})  # fmt: skip
"""With which a film of QuickTime or MPEG-4, or a segment of one (DASH, HLS), may begin beside `ftyp`."""
_IFF = frozenset({b"ILBM", b"PBM ", b"ANIM", b"RGB8", b"RGBN", b"DEEP", b"ACBM"})
_NETPBM = re.compile(rb"P[1-7][\s#]")
_PCX = re.compile(rb"\x0a[\x00\x02-\x05][\x00\x01][\x01\x02\x04\x08]")
_SGI = re.compile(rb"\x01\xda[\x00\x01][\x01\x02]\x00[\x01-\x03]")
_FLIC = re.compile(rb"....(?:\x11\xaf|\x12\xaf)", re.DOTALL)
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--(?:(?!-->).)*+-->\s*|<!DOCTYPE\s[^>\[]*+(?:\[[^\]]*\])?\s*>\s*)*+"
    rb"<(?:[\w-]+:)?svg[\s>/]",
    re.DOTALL,
)
_SVG_TYPE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml.*<!DOCTYPE\s+svg[\s>]", re.DOTALL)
_TS_PACKET = re.compile(rb"\x47(?:..[\x10-\x3f\x50-\x7f\x90-\xbf\xd0-\xff]|.{0,2}$)", re.DOTALL)
"""The mark, and in the fourth byte that the packet holds something: 00 is reserved there."""
_TS_PACKETS = ((0, 188), (4, 192), (0, 204))
"""Where the first packet of a transport stream begins, and how long each is: plain, M2TS, with error correction."""


def kind_of(head: bytes) -> ContentKind:
    """The kind of a content whose first bytes (`HEAD`, or all when it is shorter) are these."""
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], ContentKind.OTHER)
    if head[4:8] == b"ftyp":
        return ContentKind.IMAGE if _IMAGE_BRANDS.intersection(_brands(head)) else ContentKind.VIDEO
    if head.startswith(_IMAGES) or _is_image(head):
        return ContentKind.IMAGE
    return ContentKind.VIDEO if head.startswith(_VIDEOS) or _is_video(head) else ContentKind.OTHER


def _is_image(head: bytes) -> bool:
    if head[128:132] == b"DICM":
        return True
    if head.startswith(b"FORM"):
        return head[8:12] in _IFF
    if head.startswith(b"\1\0\0\0") and head[40:44] == b" EMF":
        return True
    return any(form.match(head) for form in (_NETPBM, _PCX, _SGI, _SVG, _SVG_TYPE))


def _is_video(head: bytes) -> bool:
    return head[4:8] in _BOXES or _FLIC.match(head) is not None or any(_is_stream(head, *form) for form in _TS_PACKETS)


def _is_stream(head: bytes, first: int, length: int) -> bool:
    """Whether each packet begins with the sync byte; one packet alone proves nothing."""
    if head[first : first + 1] != b"\x47":  # nearly always: nothing else is looked at then
        return False
    starts = range(first, len(head), length)
    return len(starts) > 1 and all(map(_TS_PACKET.match, (head[at : at + 4] for at in starts)))


def _brands(head: bytes) -> list[bytes]:
    """The major one, and those that the file is compatible with: viewers show it by any of them."""
    end = min(int.from_bytes(head[:4]), HEAD)
    return [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]


_OTHER_ARCHIVES = {
    b"Rar!\x1a\7": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"LZIP\1": "lzip",
    b"\x1f\x9d": "compress (.Z)",
    b"MSCF\0\0\0\0": "CAB",
    b"xar!": "XAR",
    b"\xed\xab\xee\xdb": "RPM",
    b"MSWIM\0\0\0": "WIM",
    b"hsqs": "SquashFS",
    b"LRZI": "lrzip",
    b"StuffIt (c)": "StuffIt",
    b"!<thin>\n": "thin ar",
}
"""Archives that nothing here opens, by their first bytes."""
_LHA = re.compile(rb"..-lh[0-9d]-", re.DOTALL)
_ARJ = re.compile(rb"\x60\xea.[\0-\x0a][\x1e-\x22]", re.DOTALL)
_ACE = slice(7, 14)
_ENDS_OF_RAR = (b"\xc4\x3d\x7b\0\x40\7\0", b"\x1d\x77\x56\x51\3\5\4\0")
"""Last block of a RAR file, versions 4 and 5: unpackers find one behind a picture."""
_ARCHIVES = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", *_OTHER_ARCHIVES)
_USTAR = slice(257, 262)


def is_archive(beginning: bytes) -> bool:
    """Whether the first 262 bytes are those of ZIP, RAR, 7z, tar or a compressed file.

    Some documents are ZIP files, too.
    """
    return beginning.startswith(_ARCHIVES) or beginning[_USTAR] == b"ustar"


WEB_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp", ".mp4", ".webm", ".mov", ".avi", ".mkv")
"""Names of pictures and films that browsers show, in URLs."""

# Not `ts`: nearly all files called so are TypeScript, and a transport stream is told by its content.
_PICTURE_SUFFIXES = tuple(
    b"." + suffix
    for suffix in (
        b"jpg jpeg jpe jfif jif png apng gif webp bmp dib rle tif tiff avif heic heif hif ico cur jxl jp2 j2k jpf jpx "
        b"jpm jph jxr wdp hdp psd psb xcf exr hdr dpx cin svg svgz ppm pgm pbm pnm pam pfm pcx sgi icns qoi dds eps ps "
        b"djvu djv dcm dicom tga icb vda vst pict pct pic wmf emf xpm xbm wbmp ras iff lbm fits "
        b"dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raw raf pef ptx x3f mrw srw 3fr fff iiq kdc dcr erf mef mos rwl "
        b"mp4 m4v mov qt avi mkv webm mpg mpeg mpe m1v m2v mpv wmv asf flv f4v 3gp 3g2 ogv ogm mts m2ts m2t vob mxf "
        b"dv dif rm rmvb swf m4s cmfv divx xvid amv bik smk fli flc wtv dvr-ms y4m ivf h264 h265 hevc nut"
    ).split()
)


def other_archive(beginning: bytes) -> str:
    """The kind of an archive that nothing here looks into, by its first bytes.

    Empty for anything else.
    """
    for magic, name in _OTHER_ARCHIVES.items():
        if beginning.startswith(magic):
            return name
    if _LHA.match(beginning):
        return "LHA"
    if _ARJ.match(beginning):
        return "ARJ"
    return "ACE" if beginning[_ACE] == b"**ACE**" else ""


def other_archive_behind(end: bytes) -> str:
    """Name of the archive format behind other bytes, by the last bytes; empty for others."""
    return "RAR" if end.endswith(_ENDS_OF_RAR) else ""


def named_as_program(path: bytes) -> bool:
    """Whether a file is a page or a program by its name, which many customers have in common."""
    return path.lower().endswith(tuple(_PROGRAMS))


def named_as_picture(name: bytes) -> bool:
    """Whether the name claims a picture or video; sources are then asked whatever the format."""
    return name.lower().endswith(_PICTURE_SUFFIXES)


def is_picture(kind: ContentKind, name: bytes) -> bool:
    """Whether a content is a picture or video, or its name claims so."""
    return kind is not ContentKind.OTHER or named_as_picture(name)
