"""The client of applications: one deadline, and *unchecked* for whatever is no proper answer."""

import array
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from goodhoster.client import Answer, Client, Decision, Health, Upload, check_bytes, decide
from tests.httppeer import CLEAR, KNOWN, ODD, dripping, peer, response, saying


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_an_odd_answer_is_unchecked(tmp_path: Path, raw: bytes) -> None:
    with peer(tmp_path, saying(raw)) as address:
        answer = Client(address, timeout=60).check_bytes(b"content")
    assert (answer.verdict, answer.decision) == ("unchecked", "unchecked")
    assert answer.reason in {"odd-answer", "absent"}
    assert answer.detail


def test_a_refusal_and_a_clear_answer_are_passed_on(tmp_path: Path) -> None:
    seen: list[bytes] = []
    with peer(tmp_path, saying(response(KNOWN), seen)) as address:
        client = Client(address, token="s3cret")
        answer = client.check_bytes(b"content", Upload("anna", "a\r\nX: y&b.jpg", "gallery"))
    assert answer == Answer("known", "refuse", "A1")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == b"content"
    assert (
        head.splitlines()[0] == b"POST /v1/check?customer=anna&name=a%0D%0AX%3A+y%26b.jpg&application=gallery HTTP/1.1"
    )
    assert b"Authorization: Bearer s3cret" in head.splitlines()


def test_one_deadline_for_the_whole_call_however_slowly_the_answer_drips(tmp_path: Path) -> None:
    with peer(tmp_path, dripping) as address:
        begun = time.monotonic()
        answer = Client(address, timeout=0.4).check_bytes(b"content")
        took = time.monotonic() - begun
    assert (answer.verdict, answer.reason) == ("unchecked", "timeout")
    assert took < 5, "the whole answer would take more than six seconds"


def test_one_deadline_however_slowly_the_content_is_taken(tmp_path: Path) -> None:
    over = threading.Event()

    def read_nothing(_: socket.socket) -> None:
        over.wait(60)

    with peer(tmp_path, read_nothing) as address:
        begun = time.monotonic()
        answer = Client(address, timeout=0.4).check_bytes(b"x" * (8 << 20))
        took = time.monotonic() - begun
        over.set()
    assert (answer.verdict, answer.reason) == ("unchecked", "timeout")
    assert took < 30


def test_a_server_that_refuses_before_it_has_read_everything_is_heard(tmp_path: Path) -> None:
    problem = {"type": "about:blank", "title": "Content Too Large", "status": 413, "detail": "at most 100 MB"}
    with peer(tmp_path, saying(response(problem, "413 Content Too Large"))) as address:
        answer = Client(address).check_bytes(b"x" * (8 << 20))
    assert (answer.verdict, answer.reason) == ("unchecked", "too-big")
    assert "at most 100 MB" in answer.detail


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("401 Unauthorized", "not-allowed"),
        ("403 Forbidden", "not-allowed"),
        ("503 Service Unavailable", "busy"),
        ("429 Too Many Requests", "busy"),
        ("500 Internal Server Error", "odd-answer"),
    ],
)
def test_an_error_says_what_to_mend(tmp_path: Path, status: str, reason: str) -> None:
    with peer(tmp_path, saying(response({"detail": "why"}, status))) as address:
        answer = Client(address).check_bytes(b"content")
    assert (answer.verdict, answer.reason) == ("unchecked", reason)
    assert "why" in answer.detail


def test_an_absent_service_is_unchecked_for_every_call(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"content")
    client = Client(f"unix:{tmp_path}/nobody.sock")
    answers = [
        client.check_bytes(b"content"),
        client.check_path(tmp_path / "a.jpg"),
        client.check_digest("sha1", "00" * 20),
    ]
    assert {(answer.verdict, answer.decision, answer.reason) for answer in answers} == {
        ("unchecked", "unchecked", "absent")
    }
    assert client.may("anna", "upload").allowed is None
    assert client.health().ready is None
    assert client.report_outcome("A1", "refused").recorded is False
    assert str(tmp_path) in answers[0].detail


def test_a_socket_path_that_is_too_long_is_unchecked(tmp_path: Path) -> None:
    assert Client(f"unix:{tmp_path}/{'long' * 40}.sock").check_bytes(b"").reason == "absent"


def test_a_descriptor_goes_along_and_is_the_file_itself(tmp_path: Path) -> None:
    contents = []

    def take(connected: socket.socket) -> None:
        _, ancillary, _, _ = connected.recvmsg(65536, socket.CMSG_SPACE(4))
        numbers = array.array("i", ancillary[0][2])
        contents.append(os.pread(numbers[0], 100, 0))
        os.close(numbers[0])
        connected.sendall(response(CLEAR))

    (tmp_path / "a.jpg").write_bytes(b"content")
    with peer(tmp_path, take) as address:
        answer = Client(address).check_path(tmp_path / "a.jpg")
    assert (answer.verdict, contents) == ("clear", [b"content"])


def test_what_is_no_readable_file_is_unchecked_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    client = Client(f"unix:{tmp_path}/nobody.sock")
    for path in (tmp_path / "fifo.jpg", tmp_path / "missing.jpg", tmp_path, "a\0b"):
        answer = client.check_path(path)
        assert (answer.verdict, answer.reason) == ("unchecked", "unreadable")


def test_over_tcp_the_bytes_of_a_file_are_sent(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"content")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen: list[bytes] = []

        def serve() -> None:
            connected, _ = listening.accept()
            with connected:
                while not (seen and seen[-1].endswith(b"content")):
                    seen.append(connected.recv(65536))
                connected.sendall(response(CLEAR))

        thread = threading.Thread(target=serve)
        thread.start()
        answer = Client(f"http://localhost:{listening.getsockname()[1]}").check_path(tmp_path / "a.jpg")
        thread.join()
    assert answer.verdict == "clear"
    assert b"".join(seen).startswith(b"POST /v1/check HTTP/1.1")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://example.org:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1",
        "http://127.0.0.1:²",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:99999",
        "relative",
    ],
)
def test_an_address_that_cannot_be_asked_within_a_deadline_is_told_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="not an address of goodhoster"):
        Client(address)


@pytest.mark.parametrize("token", ["a\r\nX: y", "ü", "a\0"])
def test_a_token_cannot_become_another_header(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        Client("unix:/x", token=token)


def test_health_must_agree_with_its_status(tmp_path: Path) -> None:
    with peer(tmp_path, saying(response({"ready": True}, "503 Service Unavailable"))) as address:
        assert Client(address).health().ready is None


def test_health_says_why_it_is_not_ready(tmp_path: Path) -> None:
    with peer(
        tmp_path, saying(response({"ready": False, "reason": "no-sources"}, "503 Service Unavailable"))
    ) as address:
        assert Client(address).health() == Health(ready=False, reason="no-sources")


def test_permission_that_is_no_bool_is_none(tmp_path: Path) -> None:
    with peer(tmp_path, saying(response({"allowed": "yes", "reason": "", "mode": "enforce"}))) as address:
        assert Client(address).may("anna").allowed is None


UNCHECKED = Answer.unchecked("absent", "")


@pytest.mark.parametrize(
    ("answer", "on_unchecked", "expected"),
    [
        (Answer("known", "refuse", "A1"), "open", Decision.REFUSE),
        (Answer("known", "accept", "A1", "observe"), "closed", Decision.ACCEPT),
        (Answer("near", "accept", "A1", "held"), "closed", Decision.ACCEPT),
        (Answer("clear", "accept"), "closed", Decision.ACCEPT),
        (UNCHECKED, "open", Decision.ACCEPT),
        (UNCHECKED, "closed", Decision.REFUSE),
        (Answer("known", "unchecked", None, "late"), "closed", Decision.REFUSE),
    ],
)
def test_the_application_decides_what_unchecked_means(answer: Answer, on_unchecked: str, expected: Decision) -> None:
    assert decide(answer, on_unchecked=on_unchecked) is expected  # type: ignore[arg-type]


def test_a_refusal_is_not_true() -> None:
    assert decide(UNCHECKED, on_unchecked="open")
    assert not decide(UNCHECKED, on_unchecked="closed")


def test_another_word_for_unchecked_is_an_error_and_not_a_decision() -> None:
    with pytest.raises(ValueError, match="on_unchecked"):
        decide(UNCHECKED, on_unchecked="Open")  # type: ignore[arg-type]


def test_the_environment_says_where_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(tmp_path, saying(response(KNOWN))) as address:
        monkeypatch.setenv("GOODHOSTER_API", address)
        assert check_bytes(b"content").decision == "refuse"


def test_the_standard_library_is_enough_and_the_import_is_short() -> None:
    script = (
        "import sys, time; began = time.process_time(); import goodhoster.client; took = time.process_time() - began; "
        "print(took * 1000, sorted({m.split('.')[0] for m in sys.modules}))"
    )
    times = []
    told = ""
    for _ in range(5):
        ended = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
        took, _, told = ended.stdout.partition(" ")
        times.append(float(took))
    modules = set(told.strip("[]\n").replace("'", "").split(", "))
    assert modules - sys.stdlib_module_names - {"__main__", "_distutils_hack", "sitecustomize"} <= {"goodhoster"} | {
        name for name in modules if name.startswith(("__editable", "_virtualenv"))
    }
    assert not modules & {"ssl", "ctypes", "sqlite3", "asyncio", "email", "PIL", "numpy", "httpx", "aiohttp"}
    assert min(times) < 60, times  # milliseconds of processor time; below 30 on a machine with nothing else to do


def test_a_full_queue_of_the_unix_socket_is_waited_for_within_the_deadline(tmp_path: Path) -> None:
    """The kernel refuses at once where it lets a client of TCP wait."""
    path = str(tmp_path / "sock")
    answer = b'{"verdict":"clear","decision":"accept","reference":null,"reason":""}'
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as crowd:
        listening.bind(path)
        listening.listen(0)
        waiting = 0
        with suppress(BlockingIOError):
            while True:
                one = crowd.enter_context(socket.socket(socket.AF_UNIX))
                one.settimeout(0)
                one.connect(path)
                waiting += 1
        assert Client(path, token="x", timeout=0.2).check_bytes(b"a").reason == "timeout"

        def admit() -> None:
            time.sleep(0.2)
            for _ in range(waiting):
                listening.accept()[0].close()
            with listening.accept()[0] as client:
                client.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                client.sendall(head % len(answer) + answer)

        admitting = threading.Thread(target=admit)
        admitting.start()
        assert Client(path, token="x", timeout=120).check_bytes(b"a").verdict == "clear"
        admitting.join()
