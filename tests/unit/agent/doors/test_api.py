"""The HTTP door: who is answered what, within which limits. The door is a process, as it is in use."""

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from goodhoster.client import Answer, Client, Upload
from goodhoster.model.cases import CaseState
from goodhoster_agent.doors.api.door import ROUTES
from goodhoster_agent.doors.api.openapi import DOCUMENT
from goodhoster_agent.doors.api.tokens import Scope, revoke_token, tokens_file
from tests.apidoor import CLEAR, KNOWN, ApiHost, made, opened, port_of


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host"), largest_body=2_000_000, connections=64) as host:
        yield host


def ask(
    host: ApiHost, method: str, target: str, body: bytes | None = None, *, token: str | None = None, **headers: str
) -> Got:
    """A request over TCP, and its answer compared with what the OpenAPI document says of it."""
    connection = HTTPConnection("127.0.0.1", port_of(host.url), timeout=120)
    secret = host.secret if token is None else token
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body, ({"Authorization": f"Bearer {secret}"} if secret else {}) | sent)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    got = Got(response.status, dict(response.getheaders()), json.loads(content) if content else None)
    _expect_as_documented(method, target.partition("?")[0], got)
    return got


def _expect_as_documented(method: str, path: str, got: Got) -> None:
    route = next((route for route in ROUTES if route.method == method and route.match(path) is not None), None)
    if route is None:
        return
    answers = DOCUMENT["paths"][route.path][method.lower()]["responses"]
    documented = answers.get(str(got.status)) or answers["default"]
    if "content" not in documented:
        assert got.body is None
        return
    kind = got.headers["Content-Type"].partition(";")[0]
    schema = {**documented["content"][kind]["schema"], "components": DOCUMENT["components"]}
    OAS31Validator(schema).validate(got.body)


def test_the_openapi_document_is_valid_and_says_what_there_is(host: ApiHost) -> None:
    served = ask(host, "GET", "/v1/openapi.json", token="").body
    validate(served)
    documented = {(method.upper(), path) for path, item in served["paths"].items() for method in item}
    assert documented == {(route.method, route.path) for route in ROUTES}
    public = {path for path, item in served["paths"].items() if next(iter(item.values())).get("security") == []}
    assert public == {route.path for route in ROUTES if route.scope is None}


def test_known_content_is_refused_and_its_case_says_who_asked(host: ApiHost) -> None:
    target = "/v1/check?customer=anna&name=me.png&application=gallery"
    got = ask(host, "POST", target, KNOWN)
    assert (got.status, got.body["verdict"], got.body["decision"]) == (200, "known", "refuse")
    case = next(case for case in host.cases() if case.id == got.body["reference"])
    assert (case.state, case.upload.customer, str(case.upload.place)) == (CaseState.REFUSED, "anna", "me.png")
    again = ask(host, "POST", target, KNOWN)
    assert again.body["decision"] == "refuse"
    assert again.body["reference"] != got.body["reference"], "a retry is a case of its own"


def test_clear_content_is_accepted_however_large_it_is_within_the_limit(host: ApiHost) -> None:
    for content in (CLEAR, b"", os.urandom(1_900_000)):
        got = ask(host, "POST", "/v1/check", content)
        assert (got.status, got.body) == (
            200,
            {"verdict": "clear", "decision": "accept", "reference": None, "reason": ""},
        )


def test_a_known_content_that_is_large_is_known(tmp_path: Path) -> None:
    large = os.urandom(1_000_000)
    with opened(tmp_path / "host", known=[large]) as host:
        assert ask(host, "POST", "/v1/check", large).body["decision"] == "refuse"
        assert ask(host, "POST", "/v1/check", large[:-1]).body["decision"] == "accept"


def test_in_mode_observe_nothing_is_refused_and_what_would_be_is_recorded(tmp_path: Path) -> None:
    with opened(tmp_path / "host", mode="observe") as host:
        answer = host.client().check_bytes(KNOWN, Upload(customer="anna"))
        assert (answer.verdict, answer.decision, answer.reason) == ("known", "accept", "observe")
        assert [case.state for case in host.cases()] == [CaseState.OBSERVED]


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/check", CLEAR),
        ("POST", "/v1/check/path", b"{}"),
        ("POST", "/v1/check/digest", b"{}"),
        ("POST", "/v1/outcomes", b"{}"),
        ("POST", "/v1/pict-rs", CLEAR),
        ("GET", "/v1/customers/anna/may/upload", None),
        ("GET", "/v1/status", None),
        ("GET", "/v1/cases", None),
        ("GET", "/v1/cases/x", None),
    ],
)
def test_without_the_right_token_nothing_is_answered(
    host: ApiHost, method: str, target: str, body: bytes | None
) -> None:
    assert ask(host, method, target, body, token="").status == 401
    assert ask(host, method, target, body, token="wrong").status == 401
    (route,) = [route for route in ROUTES if route.match(target) is not None and route.method == method]
    other = host.token(f"all-but-{route.scope}{target.replace('/', '-')}", *(set(Scope) - {route.scope}))
    time.sleep(1.1)
    assert ask(host, method, target, body, token=other).status == 403


def test_a_token_in_the_address_counts_for_pict_rs_only(host: ApiHost) -> None:
    assert ask(host, "POST", f"/v1/check?token={host.secret}", CLEAR, token="").status == 401
    assert ask(host, "POST", f"/v1/pict-rs?token={host.secret}", CLEAR, token="").status == 204


def test_a_revoked_token_is_refused_within_seconds(host: ApiHost) -> None:
    secret = host.token("short-lived", Scope.CHECK)
    time.sleep(1.1)
    assert host.client(token=secret).check_bytes(CLEAR).verdict == "clear"
    revoke_token(tokens_file(host.state_dir), "short-lived")
    time.sleep(1.1)
    assert host.client(token=secret).check_bytes(CLEAR).reason == "not-allowed"


def test_a_token_of_one_customer_speaks_for_no_other(host: ApiHost) -> None:
    others = host.client().check_bytes(KNOWN, Upload(customer="carla")).reference
    secret = host.token("of-bert", *Scope, customer="bert")
    time.sleep(1.1)
    own = ask(host, "POST", "/v1/check", KNOWN, token=secret).body["reference"]
    cases = ask(host, "GET", "/v1/cases", token=secret).body["cases"]
    assert {case["customer"] for case in cases} == {"bert"}
    assert ask(host, "GET", f"/v1/cases/{own}", token=secret).status == 200
    assert ask(host, "GET", f"/v1/cases/{others}", token=secret).status == 404
    assert ask(host, "GET", "/v1/cases?customer=carla", token=secret).status == 403
    assert ask(host, "POST", "/v1/check?customer=carla", KNOWN, token=secret).status == 403
    assert ask(host, "GET", "/v1/customers/carla/may/upload", token=secret).status == 403
    assert ask(host, "GET", "/v1/status", token=secret).status == 403
    body = json.dumps({"reference": others, "outcome": "kept"}).encode()
    assert ask(host, "POST", "/v1/outcomes", body, token=secret).status == 404


def test_what_was_done_is_recorded(host: ApiHost) -> None:
    reference = host.client().check_bytes(KNOWN, Upload(customer="anna")).reference
    body = json.dumps({"reference": reference, "outcome": "deleted"}).encode()
    assert ask(host, "POST", "/v1/outcomes", body).body == {"recorded": True}
    detail = ask(host, "GET", f"/v1/cases/{reference}").body["measures"][0]["detail"]
    assert detail.endswith("the application says: deleted")
    for wrong in ({"reference": reference, "outcome": "eaten"}, {"reference": 5, "outcome": "kept"}, {}):
        assert ask(host, "POST", "/v1/outcomes", json.dumps(wrong).encode()).status == 400


def test_by_digest(host: ApiHost) -> None:
    def by(algorithm: object, digest: object) -> Got:
        return ask(host, "POST", "/v1/check/digest", json.dumps({"algorithm": algorithm, "digest": digest}).encode())

    assert by("sha256", hashlib.sha256(KNOWN).hexdigest()).body["decision"] == "refuse"
    assert by("sha256", hashlib.sha256(CLEAR).hexdigest()).body["verdict"] == "clear"
    # There are no MD5 in that list: nobody can say no.
    assert by("md5", "0" * 32).body["verdict"] == "unchecked"
    for algorithm, digest in (("sha1", "0" * 64), ("crc", "0" * 64), (None, None), ("sha256", "g" * 64)):
        assert by(algorithm, digest).status == 400


def test_a_file_by_descriptor_and_by_path(host: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "known.png").write_bytes(KNOWN)
    (tmp_path / "clear.png").write_bytes(CLEAR)
    assert host.client().check_path(tmp_path / "known.png").decision == "refuse"
    assert host.client().check_path(tmp_path / "clear.png").verdict == "clear"
    for path, status in (("known.png", 200), ("missing.png", 403), (".", 403)):
        body = json.dumps({"path": str(tmp_path / path)}).encode()
        assert over_unix(host, "/v1/check/path", body).startswith(f"HTTP/1.1 {status} ")
    (tmp_path / "link.png").symlink_to(tmp_path / "known.png")
    for path in ("/etc/../etc/hostname", str(tmp_path / "link.png"), "known.png", "/dev/null", "/"):
        assert over_unix(host, "/v1/check/path", json.dumps({"path": path}).encode()).startswith("HTTP/1.1 403 ")


def test_over_tcp_no_path_is_taken(host: ApiHost) -> None:
    assert ask(host, "POST", "/v1/check/path", b'{"path": "/etc/hostname"}').status == 403
    assert ask(host, "POST", "/v1/check/path", b"{}").status == 400


def over_unix(host: ApiHost, target: str, body: bytes, descriptors: list[int] | None = None) -> str:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(host.socket))
        connected.settimeout(120)
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {host.secret}\r\n"
        raw = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        if descriptors:
            socket.send_fds(connected, [raw], descriptors)
        else:
            connected.sendall(raw)
        answer = b""
        while more := connected.recv(65536):
            answer += more
        return answer.decode()


def test_descriptors_that_nobody_wants_are_closed(host: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CLEAR)
    over_unix(host, "/v1/check", CLEAR)
    before = host.open_descriptors()
    passed = os.open(tmp_path / "file", os.O_RDONLY)
    directory = os.open(tmp_path, os.O_RDONLY)
    read, write = os.pipe()
    try:
        for _ in range(20):
            over_unix(host, "/v1/check", CLEAR, [passed] * 50)
            assert '"clear"' in over_unix(host, "/v1/check/path", b"{}", [passed] * 50)
            for odd in (directory, read):
                assert '"verdict": "unchecked"' in over_unix(host, "/v1/check/path", b"{}", [odd])
            with socket.socket(socket.AF_UNIX) as connected:  # hangs up with a descriptor on the way
                connected.connect(str(host.socket))
                socket.send_fds(connected, [b"P"], [passed])
    finally:
        for fd in (passed, directory, read, write):
            os.close(fd)
    until = time.monotonic() + 60
    while host.open_descriptors() > before + 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert host.open_descriptors() <= before + 2


def test_a_content_over_the_limit_is_not_taken(host: ApiHost) -> None:
    got = ask(host, "POST", "/v1/check", b"x" * 2_000_001)
    assert (got.status, got.body["title"]) == (413, HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase)
    answer = host.client().check_bytes(b"x" * 8_000_000)
    assert (answer.verdict, answer.reason) == ("unchecked", "too-big")


def test_a_chunked_content_over_the_limit_is_not_taken(host: ApiHost) -> None:
    connection = HTTPConnection("127.0.0.1", port_of(host.url), timeout=120)
    chunks = (b"x" * 65536 for _ in range(100))
    headers = {"Authorization": f"Bearer {host.secret}"}
    try:
        connection.request("POST", "/v1/check", chunks, headers, encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        if connection.sock:
            assert connection.getresponse().status == 413
        connection.close()


def test_a_chunked_content_is_read_whole(host: ApiHost) -> None:
    connection = HTTPConnection("127.0.0.1", port_of(host.url), timeout=120)
    headers = {"Authorization": f"Bearer {host.secret}"}
    connection.request("POST", "/v1/check", iter([KNOWN[:10], KNOWN[10:]]), headers, encode_chunked=True)
    assert json.load(connection.getresponse())["decision"] == "refuse"
    connection.close()


def test_a_compressed_content_is_not_unpacked(host: ApiHost) -> None:
    assert ask(host, "POST", "/v1/check", b"\x1f\x8b\x08", Content_Encoding="gzip").status == 415


def test_a_content_that_was_cut_off_is_never_answered_as_if_it_were_whole(host: ApiHost) -> None:
    number = len(host.cases())
    for framing, part in (
        (b"Content-Length: 100", KNOWN),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(KNOWN), KNOWN)),
    ):
        with socket.create_connection(("127.0.0.1", port_of(host.url)), 30) as connected:
            head = b"POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % host.secret.encode()
            connected.sendall(head + framing + b"\r\n\r\n" + part)
            connected.shutdown(socket.SHUT_WR)
            answer = connected.recv(65536)
        assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert len(host.cases()) == number


def test_a_content_that_comes_too_slowly_is_given_up(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "hasty", body_within="1s") as host,
        socket.create_connection(("127.0.0.1", port_of(host.url)), 120) as connected,
    ):
        head = b"POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % host.secret.encode()
        connected.sendall(head + b"Content-Length: 100\r\n\r\nx")
        assert connected.recv(65536).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'"x"', b"[" * 10_000, b"\xff", b"{" + b" " * 20_000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_told(host: ApiHost, body: bytes) -> None:
    assert ask(host, "POST", "/v1/check/digest", body).status in {400, 413}


@pytest.mark.parametrize(
    "body",
    [
        b'{"path": "\\ud800"}',
        b'{"reference": "\\ud83d", "outcome": "kept"}',
        b'{"\\udfff": 1}',
        b'{"path": "a.jpg", "path": "b.jpg"}',
        b'{"more": [{"path": "a.jpg", "path": "b.jpg"}]}',
    ],
)
def test_a_body_that_two_readers_read_in_two_ways_is_refused(host: ApiHost, body: bytes) -> None:
    for path in ("/v1/check/path", "/v1/outcomes", "/v1/check/digest"):
        told = ask(host, "POST", path, body)
        assert told.status == 400
        assert "each key once" in str(told.body)


def test_other_paths_and_methods(host: ApiHost) -> None:
    for path in ("/", "/v1", "/v1/check/", "/v1/cases/a/b", "/V1/check", "/v1/check/%70ath/x"):
        assert ask(host, "POST", path, b"").status == 404
    got = ask(host, "GET", "/v1/check")
    assert (got.status, got.headers["Allow"], got.headers["Content-Type"].partition(";")[0]) == (
        405,
        "POST",
        "application/problem+json",
    )


def test_what_is_no_http_is_told_and_hung_up_on(host: ApiHost) -> None:
    for raw in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50 + b"x" * 70_000):
        with socket.create_connection(("127.0.0.1", port_of(host.url)), 30) as connected:
            connected.sendall(raw)
            connected.shutdown(socket.SHUT_WR)
            answer = connected.recv(65536)
            assert not answer.startswith(b"HTTP/1.1 200")
            assert not answer or b"application/problem+json" in answer
            assert b"aiohttp" not in answer
            assert b"Python" not in answer
    assert host.client().health().ready


def test_gates_that_nobody_decides_about_are_unchecked(host: ApiHost) -> None:
    permission = host.client().may("anna", "upload")
    assert (permission.allowed, permission.mode) == (None, "enforce")
    assert permission.reason


def test_cases_are_listed_by_state_customer_and_number(host: ApiHost) -> None:
    for customer in ("dora", "emil"):
        host.client().check_bytes(KNOWN, Upload(customer=customer))
    (found,) = ask(host, "GET", "/v1/cases?customer=dora&state=refused").body["cases"]
    assert found["customer"] == "dora"
    assert len(ask(host, "GET", "/v1/cases?state=refused").body["cases"]) > 1
    assert len(ask(host, "GET", "/v1/cases?state=refused&limit=1").body["cases"]) == 1
    assert ask(host, "GET", "/v1/cases?state=held").body["cases"] == []
    for wrong in ("state=eaten", "limit=0", "limit=1001", "limit=-1", "limit=%C2%B2", "limit=99999999999"):
        assert ask(host, "GET", f"/v1/cases?{wrong}").status == 400
    assert ask(host, "GET", "/v1/cases/20260101-nothing").status == 404


def test_status_is_that_of_the_command(host: ApiHost) -> None:
    assert ask(host, "GET", "/v1/status").body["mode"] == "enforce"


def test_live_and_ready(host: ApiHost) -> None:
    assert ask(host, "GET", "/livez", token="").body == {"live": True}
    assert ask(host, "GET", "/readyz", token="").body == {"ready": True, "reason": ""}


def test_pict_rs_is_told_by_the_status(host: ApiHost) -> None:
    assert ask(host, "POST", "/v1/pict-rs", CLEAR).status == 204
    assert ask(host, "POST", "/v1/pict-rs", KNOWN).status == 406


@pytest.mark.slow
@pytest.mark.parametrize(("on_unchecked", "status"), [("closed", 503), ("open", 204)])
def test_pict_rs_where_nothing_can_be_checked(tmp_path: Path, on_unchecked: str, status: int) -> None:
    folder = tmp_path / "host"
    host = made(folder, on_unchecked=on_unchecked)
    config = folder / "goodhoster.toml"
    config.write_text(config.read_text().replace('[[hash_source]]\nkind = "list"\n', ""))
    try:
        host.start()
        assert ask(host, "POST", "/v1/pict-rs", CLEAR).status == status
        answer = host.client().check_bytes(CLEAR)
        assert (answer.verdict, answer.decision, answer.reason) == ("unchecked", "unchecked", "no-source")
        assert host.client().health().ready is False
    finally:
        host.stop()


@pytest.mark.slow
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:80"])
def test_it_listens_beyond_loopback_only_where_that_is_said(tmp_path: Path, address: str) -> None:
    host = made(tmp_path / "host", listen=address)
    with pytest.raises(json.JSONDecodeError):
        host.start()
    host.stop()


def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    host = made(tmp_path / "host")
    try:
        host.start()
        assert host.process
        host.process.kill()
        host.stop()
        assert host.client().check_bytes(CLEAR) == Answer.unchecked(
            "absent", f"no answer from {host.socket}: Connection refused"
        )
        host.start()
        assert host.client().check_bytes(CLEAR).verdict == "clear"
        assert host.socket.stat().st_mode & 0o777 == 0o660
    finally:
        host.stop()


def test_the_client_over_tcp(host: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "known.png").write_bytes(KNOWN)
    client = Client(host.url, token=host.secret)
    assert client.check_path(tmp_path / "known.png").decision == "refuse"
    assert client.check_bytes(CLEAR).verdict == "clear"


@pytest.mark.parametrize("customer", ["an%0Ana", "..%2F..%2Fetc", "..", "a%E2%80%AEb", "x" * 256])
def test_an_id_that_no_customer_can_have_is_refused_and_opens_no_case(host: ApiHost, customer: str) -> None:
    cases = len(ask(host, "GET", "/v1/cases?limit=1000").body["cases"])
    answer = ask(host, "POST", f"/v1/check?customer={customer}", KNOWN)
    assert (answer.status, "customer" in answer.body["detail"]) == (400, True)
    assert len(ask(host, "GET", "/v1/cases?limit=1000").body["cases"]) == cases
