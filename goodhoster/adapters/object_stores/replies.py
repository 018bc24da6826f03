"""What an object store answers, in XML: hostile and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from urllib.parse import unquote_plus
from xml.parsers import expat

from goodhoster.errors import PassingError
from goodhoster.model.objects import ObjectVersion, StoredObject

T = TypeVar("T")
_DEEPEST = 16


@dataclass(slots=True)
class XmlElement:
    """An element with what is in it; names without their namespace."""

    name: str
    text: str = ""
    children: list[XmlElement] = field(default_factory=list)

    def find(self, name: str) -> str:
        """The text of the first child of that name; empty where there is none."""
        return next((child.text for child in self.children if child.name == name), "")

    def all(self, name: str) -> Iterator[XmlElement]:
        """The children of that name."""
        return (child for child in self.children if child.name == name)


def parsed(body: bytes) -> XmlElement:
    """The root of an answer; PassingError where it is no XML, or XML with tricks in it."""
    root = XmlElement("")
    open_: list[XmlElement] = [root]

    def start(name: str, _attributes: dict[str, str]) -> None:
        if len(open_) > _DEEPEST:
            raise _unexpected("it is nested too deep")
        element = XmlElement(name.rpartition(" ")[2])
        open_[-1].children.append(element)
        open_.append(element)

    def text(found: str) -> None:
        open_[-1].text += found

    def doctype(*_: object) -> None:
        raise _unexpected("it has a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler = lambda _: open_.pop()
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)  # noqa: FBT003 - it takes no name
    except expat.ExpatError as error:
        raise _unexpected(str(error)) from error
    return root.children[0]


def listing(body: bytes) -> tuple[list[StoredObject], str]:
    """The objects of a page of a listing, and where the next begins; "" after the last."""
    root = _of_kind(body, "ListBucketResult")
    decode = _decoder(root)
    found = [_read(partial(_object, item, decode)) for item in root.all("Contents")]
    more = root.find("IsTruncated") == "true"
    token = root.find("NextContinuationToken")
    if (more and not token) or root.find("IsTruncated") not in {"true", "false"}:
        raise _unexpected("a listing does not tell whether it is whole")
    return found, token if more else ""


def versions(body: bytes, key: str) -> list[ObjectVersion]:
    """The versions and delete markers of one key, newest first."""
    root = _of_kind(body, "ListVersionsResult")
    decode = _decoder(root)
    found = [child for child in root.children if child.name in {"Version", "DeleteMarker"}]
    if root.find("IsTruncated") == "true" and found and decode(found[-1].find("Key")) == key:
        raise _unexpected("there are more versions of one object than one answer lists")
    return [_read(partial(_version, item)) for item in found if decode(item.find("Key")) == key]


def tags(body: bytes) -> dict[str, str]:
    """The tags of an object."""
    sets = [tag for tag_set in _of_kind(body, "Tagging").all("TagSet") for tag in tag_set.all("Tag")]
    return {tag.find("Key"): tag.find("Value") for tag in sets}


def error_code(body: bytes) -> str:
    """The code of an error; empty where there is none."""
    try:
        root = parsed(body)
    except PassingError:
        return ""
    return root.find("Code") if root.name == "Error" else ""


def _of_kind(body: bytes, name: str) -> XmlElement:
    root = parsed(body)
    if root.name != name:
        raise _unexpected(f"it is no {name}")
    return root


def _decoder(root: XmlElement) -> Callable[[str], str]:
    """Keys are escaped where the store says so: XML cannot carry every key."""
    return unquote_plus if root.find("EncodingType") == "url" else str


def _object(item: XmlElement, decode: Callable[[str], str]) -> StoredObject:
    key = decode(item.find("Key"))
    key.encode()
    moment = int(datetime.fromisoformat(item.find("LastModified")).timestamp())
    if not key or (size := int(item.find("Size"))) < 0:
        raise ValueError
    return StoredObject(key, item.find("ETag").strip('"'), size, moment)


def _version(item: XmlElement) -> ObjectVersion:
    marker = item.name == "DeleteMarker"
    etag, size = ("", 0) if marker else (item.find("ETag").strip('"'), int(item.find("Size")))
    return ObjectVersion(item.find("VersionId"), etag, size, marker)


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise _unexpected("an entry lacks its key, size or time") from error


def _unexpected(why: str) -> PassingError:
    return PassingError(
        f"the object store gave an unexpected answer: {why}", hint="is [[bucket]] endpoint an object store?"
    )
