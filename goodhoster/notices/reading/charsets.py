"""Decoding of a mail's bytes by the character set that its declaration means in practice.

Mail programs often call one character set by another's name.

Only sets whose decoding takes time in proportion to the length are known; `punycode`, `idna` and UTF-7 are not.
"""

from __future__ import annotations

import codecs

_MEANT = {
    "gb2312": "gb18030",  # as browsers do (WHATWG Encoding)
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
_KNOWN = frozenset(
    "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be gb18030 hz cp932 euc_jp shift_jis_2004 "  # noqa: SIM905 - words are read more easily
    "shift_jisx0213 euc_jis_2004 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_jp_ext iso2022_kr cp949 "
    "johab big5hkscs cp950 koi8-r koi8-u koi8-t kz1048 ptcp154 mac-roman mac-cyrillic mac-greek mac-iceland mac-latin2 "
    "mac-turkish hp-roman8 cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 cp862 cp863 "
    "cp864 cp865 cp866 cp869 cp874 cp1006 cp1125 "
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 "
    "iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 "
    "iso8859-15 iso8859-16".split()
)
_ALSO = {
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ms_kanji": "cp932",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "windows-949": "cp949",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "unicode": "utf-16",
    "iso-10646-ucs-2": "utf-16",
    "dos-850": "cp850",
    "ansi_x3.4-1968": "cp1252",
    "default": "utf-8",
    "unknown-8bit": "utf-8",
}
_WIDE = ("utf-16", "utf-32")
_STATEFUL = ("iso2022", "hz")
"""In these a text may be valid UTF-8, too, and mean something else."""
_LONGEST_STATEFUL = 2 << 20  # bytes: those that switch between sets are slower


def codec_of(charset: str) -> str:
    """Python's codec for what a mail declares; empty where we know none."""
    name = charset.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_ALSO.get(name, name)).name
    except (LookupError, ValueError):
        return ""
    found = _MEANT.get(found, found)
    return found if found in _KNOWN else ""


def decoded(content: bytes, charset: str) -> str:
    """Decode as UTF-8 where valid, else as declared, else each byte as one character.

    UTF-8 is preferred whatever is declared. What cannot be decoded is replaced, never dropped.
    """
    codec = codec_of(charset)
    if codec.startswith(_STATEFUL):
        return content[:_LONGEST_STATEFUL].decode(codec, "replace") + content[_LONGEST_STATEFUL:].decode("latin-1")
    if codec.startswith(_WIDE) and b"\0" in content:
        return content.decode(codec, "replace")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(codec or "latin-1", "replace")


def is_known(charset: str) -> bool:
    """Whether it is a character set that we decode."""
    return bool(codec_of(charset))
