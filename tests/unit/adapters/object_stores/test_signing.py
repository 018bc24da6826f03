"""Signatures, against the examples that Amazon publishes for S3 (Signature Version 4)."""

from datetime import UTC, datetime

import pytest

from goodhoster.adapters.object_stores.signing import (
    Credentials,
    RequestToSign,
    canonical_path,
    canonical_query,
    signed,
)

NOW = datetime(2013, 5, 24, tzinfo=UTC)
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            RequestToSign("GET", HOST, "/test.txt", {}, {"range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            RequestToSign("GET", HOST, "/", {"lifecycle": ""}, {}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            RequestToSign("GET", HOST, "/", {"prefix": "J", "max-keys": "2"}, {}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_published_examples(request_: RequestToSign, signature: str) -> None:
    headers = signed(request_, CREDENTIALS, NOW)
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert headers["x-amz-date"] == "20130524T000000Z"


def test_what_is_signed_is_escaped_once_and_in_order() -> None:
    assert canonical_path("/b/a ü+%/x~") == "/b/a%20%C3%BC%2B%25/x~"
    assert canonical_query({"b": "1 /", "a": ""}) == "a=&b=1%20%2F"


def test_a_secret_key_is_not_shown() -> None:
    assert "wJalr" not in repr(CREDENTIALS)
