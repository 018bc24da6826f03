"""The client against a service that answers, and one that goes wrong in every way."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.hashcheckservice import HashCheckService, ServiceSettings
from goodhoster.errors import ConfigurationError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.testing import http_answers
from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.http_answers import NO, ODD, REFUSALS, YES, CannedResponse
from goodhoster.testing.http_server import CERTIFICATE, ReceivedRequest
from goodhoster.testing.suites.hash_source import made_up

KNOWN = made_up("known")
UNKNOWN = made_up("unknown")
SOON = 0.4  # seconds: the deadline in tests that run into it
REASONS = {
    "redirect": "redirected",
    "permanent redirect": "redirected",
    "bad request": "client-error",
    "not found": "client-error",
    "rate limited, in seconds": "rate-limited",
    "rate limited, with a date": "rate-limited",
    "server error": "server-error",
    "bad gateway": "server-error",
    "unavailable": "server-error",
    "reset": "connection-lost",
    "closed without a byte": "connection-lost",
    "reset within the body": "connection-lost",
    "truncated": "connection-lost",
    "hang": "timeout",
    "hang within the body": "timeout",
    "drip of the headers": "timeout",
    "drip of the body": "timeout",
}


@pytest.fixture
def service() -> Iterator[FakeHashService]:
    with FakeHashService(known={KNOWN.digests.of(Algorithm.SHA1)}) as service:
        yield service


@pytest.fixture
def settings(service: FakeHashService) -> ServiceSettings:
    return ServiceSettings(service.url, service.username, service.password, name="made-up")


@pytest.fixture
def source(settings: ServiceSettings) -> Iterator[HashCheckService]:
    source = HashCheckService(settings)
    yield source
    source.close()


@pytest.fixture
def hasty(settings: ServiceSettings, name: str) -> Iterator[HashCheckService]:
    """Waits for what never comes a moment only, and for all else as long as a slow machine takes."""
    source = HashCheckService(replace(settings, deadline=SOON if REASONS.get(name) == "timeout" else 60.0))
    yield source
    source.close()


def test_the_question_is_exactly_as_the_service_wants_it(source: HashCheckService, service: FakeHashService) -> None:
    assert source.look_up(KNOWN) == (Match(source="made-up", algorithm="sha1"),)
    (request,) = service.requests
    assert (request.method, request.path) == ("POST", "/v1/check/sha1")
    assert request.body == KNOWN.digests.sha1.hex().encode()
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in request.headers


def test_nothing_but_the_digest_leaves_the_machine(source: HashCheckService, service: FakeHashService) -> None:
    source.look_up(KNOWN)
    (request,) = service.requests
    assert set(request.headers) == {
        *("host", "authorization", "accept", "accept-encoding"),
        *("content-type", "content-length", "user-agent"),
    }


def test_every_algorithm_is_asked_and_each_yes_is_a_match(settings: ServiceSettings, service: FakeHashService) -> None:
    service.known |= {KNOWN.digests.of(Algorithm.MD5)}
    source = HashCheckService(replace(settings, algorithms=(Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)))
    assert [match.algorithm for match in source.look_up(KNOWN)] == ["md5", "sha1"]
    assert [request.path[10:] for request in service.requests] == ["md5", "sha1", "sha256"]
    source.close()


PHOTODNA = FingerprintKind.PHOTODNA
SEEN = Fingerprint(PHOTODNA, b"made up, and no PhotoDNA")


@pytest.fixture
def licensed(settings: ServiceSettings) -> Iterator[HashCheckService]:
    source = HashCheckService(replace(settings, algorithms=(Algorithm.SHA1, PHOTODNA)))
    yield source
    source.close()


def test_photodna_of_a_licensed_library_is_asked_and_its_match_is_near(
    licensed: HashCheckService, service: FakeHashService
) -> None:
    service.known = {SEEN}
    other = Fingerprint(PHOTODNA, b"of another frame")
    question = replace(UNKNOWN, fingerprints=(*(UNKNOWN.fingerprints or ()), other, SEEN, SEEN))
    (match,) = licensed.look_up(question)
    assert (match.algorithm, match.near) == ("photodna", True)
    assert [(request.path, request.body) for request in service.requests[1:]] == [
        ("/v1/check/photodna", other.value.hex().encode()),
        ("/v1/check/photodna", SEEN.value.hex().encode()),
    ]


def test_a_picture_whose_photodna_nobody_took_is_not_called_clear(
    licensed: HashCheckService, service: FakeHashService
) -> None:
    for unasked in (UNKNOWN, replace(UNKNOWN, fingerprints=None)):
        with pytest.raises(UncheckedError, match="photodna"):
            licensed.look_up(unasked)
    assert licensed.look_up(KNOWN), "it is known by its digest all the same"
    assert {request.path for request in service.requests} == {"/v1/check/sha1"}


def test_what_has_no_photodna_is_answered_by_its_digest(licensed: HashCheckService) -> None:
    video = replace(UNKNOWN, fingerprints=())
    tiny = replace(UNKNOWN, fingerprints=(*(UNKNOWN.fingerprints or ()), Fingerprint(PHOTODNA, b"", 0)))
    assert (licensed.look_up(video), licensed.look_up(tiny)) == ((), ())
    assert licensed.look_up(Question(Digests.only(UNKNOWN.digests.of(Algorithm.SHA1)))) == ()


def test_a_trial_is_asked_by_a_digest(settings: ServiceSettings, service: FakeHashService) -> None:
    source = HashCheckService(replace(settings, algorithms=(PHOTODNA, Algorithm.MD5)))
    source.probe()
    source.close()
    assert [request.path for request in service.requests] == ["/v1/test/check/md5"]


def test_a_no_by_one_algorithm_and_a_failure_by_the_other_is_no_answer(
    settings: ServiceSettings, service: FakeHashService
) -> None:
    service.script = [NO, ODD["empty"]]
    source = HashCheckService(replace(settings, algorithms=(Algorithm.MD5, Algorithm.SHA1)))
    with pytest.raises(SourceUnavailableError):
        source.look_up(UNKNOWN)
    source.close()


def test_only_digests_that_were_taken_are_asked(source: HashCheckService, service: FakeHashService) -> None:
    assert source.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.SHA1))))
    with pytest.raises(UncheckedError, match="sha1 only"):
        source.look_up(Question(Digests.only(KNOWN.digests.of(Algorithm.MD5))))
    assert len(service.requests) == 1


def test_connections_are_kept(source: HashCheckService, service: FakeHashService) -> None:
    for _ in range(5):
        source.look_up(UNKNOWN)
    assert len(service.requests) == 5
    assert service.connections == 1


def test_parallel_questions_are_bounded(settings: ServiceSettings, service: FakeHashService) -> None:
    source = HashCheckService(replace(settings, parallel=3))
    with ThreadPoolExecutor(16) as threads:
        assert not any(threads.map(source.look_up, [UNKNOWN] * 64))
    assert len(service.requests) == 64
    assert service.connections <= 3
    source.close()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_never_clear_and_never_known(
    name: str, hasty: HashCheckService, service: FakeHashService
) -> None:
    service.behave = lambda _: ODD[name]
    with pytest.raises(SourceUnavailableError) as caught:
        hasty.look_up(KNOWN)
    assert caught.value.reason == REASONS.get(name, "odd-answer")
    assert service.password not in str(caught.value)


@pytest.mark.parametrize("name", ODD)
def test_after_an_odd_answer_the_next_question_is_answered_rightly(
    name: str, hasty: HashCheckService, service: FakeHashService
) -> None:
    service.script = [ODD[name]]
    with pytest.raises(SourceUnavailableError):
        hasty.look_up(UNKNOWN)
    assert in_time(hasty, KNOWN)
    assert not in_time(hasty, UNKNOWN)


def in_time(hasty: HashCheckService, question: Question) -> tuple[Match, ...]:
    """The answer, asked for again where a slow machine was not ready within the moment."""
    for _ in range(100):
        try:
            return hasty.look_up(question)
        except SourceUnavailableError as error:
            if error.reason != "timeout":
                raise
    raise AssertionError("never in time")


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_account_is_for_a_person(name: str, source: HashCheckService, service: FakeHashService) -> None:
    service.behave = lambda _: REFUSALS[name]
    with pytest.raises(SourceRefusedError):
        source.look_up(KNOWN)


def test_a_wrong_password_is_refused(settings: ServiceSettings) -> None:
    source = HashCheckService(replace(settings, password="wrong"))
    with pytest.raises(SourceRefusedError):
        source.look_up(UNKNOWN)
    source.close()


def test_how_long_to_wait_is_told(source: HashCheckService, service: FakeHashService) -> None:
    service.script = [ODD["rate limited, in seconds"], ODD["rate limited, with a date"]]
    with pytest.raises(SourceUnavailableError) as first:
        source.look_up(UNKNOWN)
    with pytest.raises(SourceUnavailableError) as second:
        source.look_up(UNKNOWN)
    assert first.value.retry_after == 7.0
    assert second.value.retry_after
    assert second.value.retry_after > 1e9


def test_a_redirect_is_not_followed(source: HashCheckService, service: FakeHashService) -> None:
    with FakeHashService() as elsewhere:
        location = {"Location": f"{elsewhere.url}/sha1"}
        service.behave = lambda _: http_answers.reply(307, headers=location)
        with pytest.raises(SourceUnavailableError):
            source.look_up(UNKNOWN)
        assert elsewhere.requests == []


def test_the_deadline_covers_the_wait_for_a_connection(settings: ServiceSettings, service: FakeHashService) -> None:
    service.behave = lambda _: http_answers.HANGS
    source = HashCheckService(replace(settings, parallel=2, deadline=SOON))
    begun = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        futures = [threads.submit(source.look_up, UNKNOWN) for _ in range(16)]
    assert {type(future.exception()) for future in futures} == {SourceUnavailableError}
    assert time.monotonic() - begun < 60
    assert len(service.requests) < 16, "those that got no connection in time asked nothing"
    source.close()


def test_the_deadline_covers_all_algorithms_together(settings: ServiceSettings, service: FakeHashService) -> None:
    service.behave = lambda _: NO.after(SOON * 0.7)
    source = HashCheckService(replace(settings, deadline=SOON, algorithms=tuple(Algorithm)))
    with pytest.raises(SourceUnavailableError, match="no complete answer"):
        source.look_up(UNKNOWN)
    source.close()


def test_nobody_listens() -> None:
    with FakeHashService() as service:
        pass
    source = HashCheckService(ServiceSettings(service.url, "u", "p"))
    with pytest.raises(SourceUnavailableError) as caught:
        source.look_up(UNKNOWN)
    assert caught.value.reason == "unreachable"
    source.close()


def test_no_such_name(settings: ServiceSettings) -> None:
    source = HashCheckService(replace(settings, url="https://made-up.invalid/v1/check"))
    with pytest.raises(SourceUnavailableError) as caught:
        source.look_up(UNKNOWN)
    assert caught.value.reason in {"unreachable", "timeout"}
    source.close()


def test_the_probe_asks_the_trial_address(source: HashCheckService, service: FakeHashService) -> None:
    source.probe()
    assert service.requests[0].path == "/v1/test/check/sha1"


@pytest.mark.parametrize("answer", [ODD["HTML with status 200"], ODD["not found"], ODD["reset"]])
def test_a_probe_that_is_not_answered_properly_raises(
    answer: CannedResponse, source: HashCheckService, service: FakeHashService
) -> None:
    service.behave = lambda _: answer
    with pytest.raises(SourceUnavailableError):
        source.probe()


def test_a_question_under_way_ends_when_the_source_is_closed(
    source: HashCheckService, service: FakeHashService
) -> None:
    service.behave = lambda _: http_answers.HANGS
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(source.look_up, UNKNOWN)
        while not service.requests:
            time.sleep(0.001)
        source.close()
    caught = future.exception()
    assert isinstance(caught, SourceUnavailableError)
    assert caught.reason == "closed"
    with pytest.raises(SourceUnavailableError):
        source.look_up(UNKNOWN)


def test_the_password_is_not_shown(settings: ServiceSettings) -> None:
    assert settings.password not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.eokmhashdb.nl/v1/check", "ftp://made-up/check", "https://", "https://[::1/check"),
        *(
            "https://made-up:99999/check",
            "https://made up/check",
            "https://made-up/check?a=b",
            "https://a:b@made-up/check",
        ),
    ],
)
def test_an_url_that_cannot_be_asked(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not the URL"):
        HashCheckService(ServiceSettings(url, "u", "p"))


class TestTls:
    @pytest.fixture
    def service(self) -> Iterator[FakeHashService]:
        with FakeHashService(known={KNOWN.digests.of(Algorithm.SHA1)}, tls=True) as service:
            yield service

    def test_a_trusted_certificate_is_accepted(self, settings: ServiceSettings) -> None:
        source = HashCheckService(replace(settings, ca_file=CERTIFICATE))
        assert source.look_up(KNOWN)
        assert not source.look_up(UNKNOWN)
        source.close()

    def test_a_self_signed_certificate_is_not(self, source: HashCheckService, service: FakeHashService) -> None:
        with pytest.raises(SourceUnavailableError) as caught:
            source.look_up(KNOWN)
        assert caught.value.reason == "tls"
        assert service.requests == []

    def test_nor_one_for_another_name(self, settings: ServiceSettings, service: FakeHashService) -> None:
        source = HashCheckService(replace(settings, url=service.url_at("127.0.0.1"), ca_file=CERTIFICATE))
        with pytest.raises(SourceUnavailableError) as caught:
            source.look_up(KNOWN)
        assert caught.value.reason == "tls"
        assert service.requests == []
        source.close()

    def test_nor_a_server_without_tls(self, settings: ServiceSettings) -> None:
        with FakeHashService() as plain:
            url = plain.url.replace("http:", "https:")
            source = HashCheckService(replace(settings, url=url, deadline=SOON))
            with pytest.raises(SourceUnavailableError):
                source.look_up(KNOWN)
            assert plain.requests == []
            source.close()

    def test_a_certificate_file_that_cannot_be_read(self, settings: ServiceSettings, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"missing\.pem"):
            HashCheckService(replace(settings, ca_file=tmp_path / "missing.pem"))


def test_a_proxy_gets_the_question_and_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHashService() as proxy:
        proxy.behave = lambda _: YES
        port = proxy.url.split(":")[2].split("/")[0]
        monkeypatch.setenv("http_proxy", f"http://us%65r:p%40ss@127.0.0.1:{port}")
        source = HashCheckService(ServiceSettings("http://made-up.invalid/v1/check", "u", "p"))
        assert source.look_up(UNKNOWN)
        assert [(r.path, r.headers["proxy-authorization"]) for r in proxy.requests] == [
            ("http://made-up.invalid/v1/check/sha1", "Basic dXNlcjpwQHNz")
        ]
        source.close()


def test_a_proxy_that_does_not_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHashService() as proxy:
        proxy.behave = lambda request: ODD["not found"] if request.method == "CONNECT" else YES
        monkeypatch.setenv("https_proxy", proxy.url.removesuffix("/v1/check").replace("//", "//proxy:secret@"))
        source = HashCheckService(ServiceSettings("https://made-up.invalid/v1/check", "u", "p"))
        with pytest.raises(SourceUnavailableError) as caught:
            source.look_up(UNKNOWN)
        assert caught.value.reason == "proxy"
        (request,) = proxy.requests
        assert request.path == "made-up.invalid:443"
        assert request.headers["proxy-authorization"] == "Basic cHJveHk6c2VjcmV0"
        assert "authorization" not in request.headers
        source.close()


def test_a_behaviour_sees_the_request(source: HashCheckService, service: FakeHashService) -> None:
    def only_this(request: ReceivedRequest) -> CannedResponse | None:
        return YES if request.body == UNKNOWN.digests.sha1.hex().encode() else None

    service.behave = only_this
    assert source.look_up(UNKNOWN)
