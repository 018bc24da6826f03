"""Answers of object stores, odd and hostile ones too."""

import pytest

from goodhoster.adapters.object_stores import replies
from goodhoster.errors import PassingError
from goodhoster.model.objects import StoredObject

TOLD = "<LastModified>2026-03-01T12:00:00.123Z</LastModified><ETag>&quot;ab&quot;</ETag>"
ENTRY = "<Contents><Key>{}</Key>" + TOLD + "{}</Contents>"


def page(*entries: str, more: str = "<IsTruncated>false</IsTruncated>") -> bytes:
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{more}{"".join(entries)}</ListBucketResult>'.encode()


def test_a_listing_is_read_with_its_escaped_keys() -> None:
    token = "<NextContinuationToken>t</NextContinuationToken>"
    more = f"<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{token}"
    found, token = replies.listing(page(ENTRY.format("a%0Ab+c", "<Size>3</Size>"), more=more))
    assert (found, token) == ([StoredObject("a\nb c", "ab", 3, 1772366400)], "t")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"<html></html>",
        b"<Error><Code>SlowDown</Code></Error>",
        page(more=""),
        page(more="<IsTruncated>true</IsTruncated>"),
        page(ENTRY.format("", "<Size>3</Size>")),
        page(ENTRY.format("a", "<Size>-3</Size>")),
        page(ENTRY.format("a", "")),
        page("<Contents><Key>a</Key><Size>1</Size></Contents>"),
        b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>',
        b"<a>" * 100,
        page()[:-5],
    ],
)
def test_what_is_no_whole_listing_is_a_failure(body: bytes) -> None:
    """Never half a list: what it lacks would be forgotten."""
    with pytest.raises(PassingError):
        replies.listing(body)


def test_versions_are_those_of_one_key() -> None:
    version = "<Version><Key>{}</Key><VersionId>{}</VersionId><ETag>e</ETag><Size>1</Size></Version>"
    marker = "<DeleteMarker><Key>a</Key><VersionId>3</VersionId></DeleteMarker>"
    entries = [marker, version.format("a", 2), version.format("ab", 1)]
    body = f"<ListVersionsResult><IsTruncated>true</IsTruncated>{''.join(entries)}</ListVersionsResult>".encode()
    assert [(one.id, one.is_marker) for one in replies.versions(body, "a")] == [("3", True), ("2", False)]
    with pytest.raises(PassingError):
        replies.versions(body, "ab")
