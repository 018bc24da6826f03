"""Text or rows of attached documents: PDF, spreadsheets, RTF, DOCX.

Used only in the confined child process that reads notices.

The libraries for it are the extra `documents`; without one of them its documents stay unread, and a person reads them.
Nothing in a document is run, rendered or fetched.
"""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import lru_cache

from goodhoster.notices.reading.mail import Part

Rows = list[list[str]]
_MOST_CELLS = 400_000
_MOST_PAGES = 300
_LARGEST_TEXT = 8 << 20  # bytes of a document's text, unpacked
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
_SHEET_KINDS = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.ms-excel",
    }
)
_PARAGRAPH = re.compile(r"</w:p>|<w:br\b[^<>]{0,200}>|<w:tab\b[^<>]{0,200}>")
_LINK = re.compile(r"Target=\"(https?:[^\"<>]{1,8192})\"")
_TAG = re.compile(r"<[^<>]{0,10000}>")


def rows_of_document(part: Part) -> list[Rows] | None:
    """Text of the cells of each sheet of a spreadsheet.

    None where it is no spreadsheet, or no installed library can read it.
    """
    return _rows(part.content) if _is_spreadsheet(part) and _installed("python_calamine") else None


def text_of_document(part: Part) -> str | None:
    """Text of a document, links too; None where not all of it can be read here."""
    if _is_spreadsheet(part):
        sheets = rows_of_document(part)
        return None if sheets is None else "\n".join("\t".join(row) for rows in sheets for row in rows)
    for is_it, library, read in _DOCUMENTS:
        if is_it(part) and _installed(library):
            return _text(read, part.content)
    return None


def missing_library(part: Part) -> str:
    """Name of the library that would read this document and is not installed.

    Empty where no library would read it, or the library is installed.
    """
    if _is_spreadsheet(part):
        return "" if _installed("python_calamine") else "python-calamine"
    return next((name for is_it, name, _ in _DOCUMENTS if is_it(part) and not _installed(name)), "")


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _is_spreadsheet(part: Part) -> bool:
    """Whether it is a spreadsheet, by its bytes too.

    Much CSV is sent as application/vnd.ms-excel.
    """
    packed = part.content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))
    return packed and (part.kind in _SHEET_KINDS or part.name.lower().endswith(_SPREADSHEETS))


@lru_cache(maxsize=8)
def _rows(content: bytes) -> list[Rows] | None:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - an extra

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
        if sum(sheet.total_height * sheet.total_width for sheet in sheets) > _MOST_CELLS:
            return None
        return [[[_cell(cell) for cell in row] for row in sheet.to_python()] for sheet in sheets]
    except (CalamineError, OSError, ValueError, KeyError, IndexError):
        return None


def _cell(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


@lru_cache(maxsize=8)
def _text(read: Callable[[bytes], Iterator[str]], content: bytes) -> str | None:
    try:
        return "\n".join(read(content))
    except Exception:  # noqa: BLE001 - these libraries raise of everything; whatever it is, a person reads it
        return None


def _pdf(content: bytes) -> Iterator[str]:
    from pypdf import PdfReader  # noqa: PLC0415 - an extra

    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted or len(reader.pages) > _MOST_PAGES:
        raise ValueError("encrypted, or too long")
    for page in reader.pages:
        text = page.extract_text()
        if not text.strip() or any(True for _ in page.images):
            raise ValueError("a picture of a page")  # a scan says what no program reads here
        yield text
        for annotation in page.get("/Annots") or ():
            yield str(annotation.get_object().get("/A", {}).get("/URI", ""))


def _rtf(content: bytes) -> Iterator[str]:
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415 - an extra

    yield str(rtf_to_text(content.decode("latin-1"), errors="replace"))  # type: ignore[no-untyped-call]


def _docx(content: bytes) -> Iterator[str]:
    """Text between the tags of a DOCX, and the targets of links, without an XML parser."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        names = [info.filename for info in packed.infolist() if info.filename.startswith("word/")]
        if any(name.startswith("word/media/") for name in names):
            raise ValueError("pictures in it")
        if sum(info.file_size for info in packed.infolist()) > _LARGEST_TEXT:
            raise ValueError("too large")
        for name in names:
            text = packed.read(name).decode("utf-8", "replace") if name.endswith((".xml", ".xml.rels")) else ""
            if name.endswith(".rels"):
                yield from _LINK.findall(text)
            elif name in {"word/document.xml", "word/footnotes.xml"} or "header" in name or "footer" in name:
                yield _unescaped(_TAG.sub("", _PARAGRAPH.sub("\n", text)))


def _unescaped(text: str) -> str:
    for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(name, sign)
    return text


def _begins(magic: bytes) -> Callable[[Part], bool]:
    return lambda part: part.content[:1024].lstrip().startswith(magic)


def _is_docx(part: Part) -> bool:
    return part.content.startswith(b"PK\x03\x04") and part.name.lower().endswith(".docx")


_DOCUMENTS: tuple[tuple[Callable[[Part], bool], str, Callable[[bytes], Iterator[str]]], ...] = (
    (_begins(b"%PDF-"), "pypdf", _pdf),
    (_begins(b"{\\rtf"), "striprtf", _rtf),
    (_is_docx, "zipfile", _docx),
)
