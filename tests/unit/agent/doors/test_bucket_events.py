"""Notifications of object stores in their real forms, and odd ones."""

from typing import Any

import pytest

from goodhoster_agent.doors.api.bucket_events import created_keys


def record(event: str, key: str, bucket: str = "uploads", size: object = 3) -> dict[str, Any]:
    return {"eventName": event, "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": size}}}


def test_minio() -> None:
    body = {"EventName": "s3:ObjectCreated:Put", "Key": "x", "Records": [record("s3:ObjectCreated:Put", "a%2Fb+c.png")]}
    assert created_keys(body, "uploads") == ["a%2Fb+c.png", "a/b c.png"]


def test_ceph() -> None:
    body = {"Records": [record("ObjectCreated:Put", "a/b.png", size="3"), record("ObjectCreated:Post", "a/b.png")]}
    assert created_keys(body, "uploads") == ["a/b.png"]


def test_what_is_no_new_object_of_this_bucket_is_left_out() -> None:
    records = [
        record("s3:ObjectRemoved:Delete", "a"),
        record("s3:ObjectCreated:Put", "a", bucket="other"),
        record("s3:ObjectCreated:Put", "x" * 1025),
        record("s3:ObjectCreated:Put", ""),
    ]
    assert created_keys({"Records": records}, "uploads") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Records": {}},
        {"Records": [None]},
        {"Records": [{}]},
        {"Records": [record("s3:ObjectCreated:Put", "a")] * 1001},
        {"Records": [{"eventName": 1, "s3": {"bucket": {"name": "uploads"}, "object": {"key": "a"}}}]},
        {"Records": [record("s3:ObjectCreated:Put", "\ud800")]},
        {"Records": [record("s3:ObjectCreated:Put", "%ff")]},
    ],
)
def test_what_is_no_notification_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"lacks|must be"):
        created_keys(body, "uploads")
