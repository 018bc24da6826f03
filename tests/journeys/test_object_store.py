"""A bucket of a real object store: known objects go offline, come back, and are told of by a notification."""

import io
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from goodhoster.adapters.object_stores.s3 import S3Bucket
from goodhoster_agent.doors.api.tokens import Scope, add_token, tokens_file
from tests.journeys.host import GOODHOSTER, PATIENCE, Host, sha1_of, wait_until
from tests.objectserver import ACCESS_KEY, SECRET_KEY, ObjectServer, served

KNOWN, CLEAR = b"\x89PNG\r\n\x1a\n made up, known", b"\x89PNG\r\n\x1a\n made up, clear"
HEADERS = {"content-type": "image/png", "x-amz-meta-of": "anna", "x-amz-tagging": "a=b+c", "cache-control": "max-age=9"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with served(tmp_path_factory.mktemp("objects")) as server:
        yield server


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def bucket(request: pytest.FixtureRequest, server: ObjectServer) -> Iterator[S3Bucket]:
    with server.bucket(versioned=request.param) as bucket:
        yield bucket


@pytest.fixture
def closed(server: ObjectServer) -> Iterator[S3Bucket]:
    with server.bucket() as closed:
        yield closed


@pytest.fixture
def watching(host: Host, server: ObjectServer, bucket: S3Bucket, closed: S3Bucket) -> Host:
    """A host that watches the bucket, and listens for notifications."""
    (host.folder / "bucket.secret").write_text(SECRET_KEY + "\n")
    (host.folder / "bucket.secret").chmod(0o600)
    host.configure(
        policy=f"""
        [[bucket]]
        name = "pictures"
        endpoint = "{server.endpoint}"
        bucket = "{bucket.bucket}"
        closed_bucket = "{closed.bucket}"
        access_key = "{ACCESS_KEY}"
        secret_key_file = "bucket.secret"
        list_every = "1h"
        [api]
        listen = "127.0.0.1:0"
        """
    )
    host.service.known = {sha1_of(KNOWN)}
    return host


def put(bucket: S3Bucket, key: str, content: bytes) -> None:
    bucket.write(key, io.BytesIO(content), HEADERS)


def test_a_known_object_goes_offline_and_comes_back(watching: Host, bucket: S3Bucket, closed: S3Bucket) -> None:
    put(bucket, "anna/clear.png", CLEAR)
    put(bucket, "anna/known.png", KNOWN)
    before = bucket.look("anna/known.png")
    assert before
    watching.start()
    assert wait_until(lambda: [case["state"] for case in watching.cases()] == ["offline"]), watching.journal()
    (case,) = watching.cases()
    assert (case["customer"], case["path"]) == ("anna", "s3://pictures/anna/known.png")
    assert bucket.look("anna/known.png") is None
    assert all(one.is_marker for one in bucket.versions("anna/known.png"))
    assert bucket.look("anna/clear.png") is not None
    watching.run("cases", "restore", case["id"], "--reason", "a family photo")
    after = bucket.look("anna/known.png")
    assert after
    assert {name: after[1].get(name) for name in ("content-type", "x-amz-meta-of", "cache-control")} == {
        name: before[1].get(name) for name in ("content-type", "x-amz-meta-of", "cache-control")
    }
    read = io.BytesIO()
    bucket.read(after[0], read)
    assert (read.getvalue(), dict(bucket.tags("anna/known.png"))) == (KNOWN, {"a": "b c"})
    assert [one for page in closed.list() for one in page] == []
    assert watching.run("audit", "verify")
    watching.stop()


def test_a_notification_has_a_new_object_checked_at_once(watching: Host, bucket: S3Bucket) -> None:
    watching.start()
    token = add_token(tokens_file(watching.folder / "state"), "store", [Scope.EVENTS])
    command = (*GOODHOSTER, "doors", "serve", "--json", "--config", str(watching.config))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as doors:
        assert doors.stdout
        url = json.loads(doors.stdout.readline())["address"]
        assert wait_until(lambda: "pictures: 0 objects" in watching.journal())
        put(bucket, "bert/a picture.png", KNOWN)
        told = {"bucket": {"name": bucket.bucket}, "object": {"key": "bert/a+picture.png", "size": 1}}
        record = {"eventName": "s3:ObjectCreated:Put", "s3": told}
        body = json.dumps({"EventName": "s3:ObjectCreated:Put", "Records": [record]}).encode()
        path, headers = f"/v1/buckets/pictures/events?token={token}", {"Content-Type": "application/json"}
        with closing(HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)) as connection:
            connection.request("POST", path, body, headers)
            assert json.load(connection.getresponse()) == {"noted": 2}
        assert wait_until(lambda: [case["state"] for case in watching.cases()] == ["offline"]), watching.journal()
        doors.terminate()
    assert bucket.look("bert/a picture.png") is None
    watching.stop()


def test_in_observe_nothing_is_touched(watching: Host, bucket: S3Bucket, closed: S3Bucket) -> None:
    put(bucket, "anna/known.png", KNOWN)
    watching.configure(mode="observe")
    watching.start()
    assert wait_until(lambda: [case["state"] for case in watching.cases()] == ["observed"]), watching.journal()
    assert bucket.look("anna/known.png") is not None
    assert [one for page in closed.list() for one in page] == []
    watching.stop()
