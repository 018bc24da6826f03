"""HMA and Arachnid Shield: what is sent, what each answer means, and that no odd one is read as a no."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from goodhoster.adapters.hash_sources.arachnid import ArachnidShield
from goodhoster.adapters.hash_sources.client import Counterpart
from goodhoster.adapters.hash_sources.hma import Hma, HmaSettings
from goodhoster.adapters.hash_sources.proxies import basic_auth
from goodhoster.errors import (
    GoodhosterError,
    NotAskedError,
    NothingToCompareError,
    SourceRefusedError,
    SourceUnavailableError,
    UncheckedError,
)
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match
from goodhoster.ports import HashSource
from goodhoster.testing import http_answers
from goodhoster.testing.arachnid import FakeArachnidShield
from goodhoster.testing.hma import FakeHma
from goodhoster.testing.http_answers import reply
from goodhoster.testing.http_server import FakeServer
from goodhoster.testing.suites.hash_source import made_up

PDQ = FingerprintKind.PDQ
SEEN = bytes(range(32))
BITS = bytes(31) + b"\x07"
DIGESTS = made_up("a picture").digests


def apart(value: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(value, other, strict=True))


def question(*fingerprints: Fingerprint) -> Question:
    return Question(DIGESTS, fingerprints)


PICTURE = question(Fingerprint(PDQ, SEEN))
UNTAKEN = Question(Digests.only(DIGESTS.of(Algorithm.SHA1)))
TURNED = question(Fingerprint(PDQ, bytes(32), turned=(SEEN,)))


@pytest.fixture
def hma() -> Iterator[FakeHma]:
    banks = {
        "FIRST": {"pdq": [apart(SEEN, BITS), b"\xff" * 32]},
        "SECOND": {"pdq": [SEEN], "video_md5": [DIGESTS.md5]},
    }
    with FakeHma(banks) as server:
        yield server


@pytest.fixture
def arachnid() -> Iterator[FakeArachnidShield]:
    with FakeArachnidShield({SEEN: "csam", b"\xff" * 32: "harmful-abusive-material"}) as server:
        yield server


OPENED: list[HashSource] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def hma_source(server: FakeServer, **settings: Any) -> Hma:  # noqa: ANN401 - fields of HmaSettings
    OPENED.append(made := Hma(HmaSettings(Counterpart("hma", server.url, deadline=60), **settings)))
    return made


def arachnid_source(server: FakeServer, password: str = FakeServer.password) -> ArachnidShield:
    account = basic_auth(server.username, password)
    OPENED.append(made := ArachnidShield(Counterpart("arachnid", server.url, account, deadline=60)))
    return made


def test_hma_is_asked_by_hash_and_the_same_content_always_alike(hma: FakeHma) -> None:
    hma_source(hma).look_up(PICTURE)
    [request] = hma.requests
    assert (request.method, request.body) == ("GET", b"")
    query = parse_qs(urlsplit(request.path).query)
    assert query == {"signal_type": ["pdq"], "signal": [SEEN.hex()], "seed": [DIGESTS.sha256.hex()]}


def test_hma_tells_bank_and_distance(hma: FakeHma) -> None:
    categories = {"FIRST": Category.BASELINE, "SECOND": Category.OTHER}
    assert hma_source(hma, categories=categories).look_up(PICTURE) == (
        Match("hma", PDQ, Category.BASELINE, 3),
        Match("hma", PDQ, Category.OTHER, 0),
    )
    assert hma_source(hma, within=2, categories=categories).look_up(PICTURE) == (Match("hma", PDQ, Category.OTHER, 0),)
    assert hma_source(hma, raw=True).look_up(PICTURE) == (Match("hma", PDQ, Category.UNSPECIFIED, 0),)


def test_a_distance_that_is_not_told_is_the_farthest() -> None:
    with FakeHma({"FIRST": {"pdq": [SEEN]}}, older=True) as server:
        assert hma_source(server).look_up(PICTURE) == (Match("hma", PDQ, Category.UNSPECIFIED, 31),)


def test_an_md5_at_hma_is_the_same_content(hma: FakeHma) -> None:
    [match] = hma_source(hma, signal_types=("video_md5",)).look_up(question())
    assert (match, match.near) == (Match("hma", Algorithm.MD5), False)


def test_turned_pictures_are_asked_where_that_is_set(hma: FakeHma, arachnid: FakeArachnidShield) -> None:
    assert hma_source(hma).look_up(TURNED) == ()
    assert hma_source(hma, turned=True).look_up(TURNED)
    assert arachnid_source(arachnid).look_up(TURNED)
    assert len(arachnid.requests) == 1


def test_arachnid_gets_fingerprints_and_nothing_else(arachnid: FakeArachnidShield) -> None:
    flat = Fingerprint(PDQ, bytes(32), quality=49)
    other = Fingerprint(FingerprintKind.PHASH, bytes(8))
    assert arachnid_source(arachnid).look_up(question(Fingerprint(PDQ, SEEN), flat, other)) == (
        Match("arachnid", PDQ, Category.ILLEGAL, 31),
    )
    [request] = arachnid.requests
    assert (request.method, request.path) == ("POST", "/v1/pdq/")
    assert json.loads(request.body) == {"hashes": [b64encode(SEEN).decode()]}


@pytest.mark.parametrize(
    ("classification", "category"),
    [
        ("harmful-abusive-material", Category.OTHER),
        ("csam", Category.ILLEGAL),
        ("a-word-of-tomorrow", Category.UNSPECIFIED),
    ],
)
def test_every_classification_but_no_known_match_is_a_match(
    arachnid: FakeArachnidShield, classification: str, category: Category
) -> None:
    arachnid.known = {SEEN: classification}
    assert [match.category for match in arachnid_source(arachnid).look_up(PICTURE)] == [category]


def test_null_is_no_match(arachnid: FakeArachnidShield) -> None:
    arachnid.script = [reply(200, json.dumps({"scanned_hashes": {b64encode(SEEN).decode(): None}}).encode())]
    assert arachnid_source(arachnid).look_up(PICTURE) == ()


@pytest.mark.parametrize("name", ["hma", "arachnid"])
def test_no_service_has_a_say_about_a_flat_picture_and_one_that_nobody_opened_is_unchecked(
    name: str, hma: FakeHma, arachnid: FakeArachnidShield
) -> None:
    server, source = (hma, hma_source(hma)) if name == "hma" else (arachnid, arachnid_source(arachnid))
    with pytest.raises(NotAskedError) as flat:
        source.look_up(question(Fingerprint(PDQ, SEEN, quality=10)))
    assert flat.value.reason == "too-flat"
    with pytest.raises(NothingToCompareError):
        source.look_up(question())  # a video
    with pytest.raises(UncheckedError) as caught:
        source.look_up(UNTAKEN)
    assert caught.value.reason == "not-askable"
    assert server.requests == []


@pytest.mark.parametrize("name", ["hma", "arachnid"])
def test_a_picture_of_which_a_part_was_opened_is_found_or_unchecked(
    name: str, hma: FakeHma, arachnid: FakeArachnidShield
) -> None:
    source = hma_source(hma) if name == "hma" else arachnid_source(arachnid)
    assert source.look_up(replace(PICTURE, whole=False))
    for fingerprint in (Fingerprint(PDQ, hashlib.sha256(b"another").digest()), Fingerprint(PDQ, SEEN, quality=10)):
        with pytest.raises(UncheckedError) as caught:
            source.look_up(replace(question(fingerprint), whole=False))
        assert caught.value.reason == "not-askable"


def test_hma_by_md5_and_pdq_needs_both_of_a_file(hma: FakeHma) -> None:
    source = hma_source(hma, signal_types=("pdq", "video_md5"))
    assert source.look_up(Question(DIGESTS)) == (Match("hma", "md5"),)
    unknown = made_up("unknown").digests
    with pytest.raises(UncheckedError):
        source.look_up(Question(unknown))
    assert source.look_up(Question(unknown, ())) == ()
    assert source.look_up(Question(Digests.only(unknown.of(Algorithm.MD5)))) == ()
    with pytest.raises(UncheckedError):
        hma_source(hma, signal_types=("video_md5",)).look_up(UNTAKEN)


def test_no_account_is_refused(arachnid: FakeArachnidShield) -> None:
    with pytest.raises(SourceRefusedError):
        arachnid_source(arachnid, "wrong").look_up(PICTURE)


NO_JSON_ANSWER = {
    name: answer for name, answer in http_answers.ODD.items() if not name.startswith(("hang", "drip"))
} | dict(http_answers.REFUSALS)
ODD_JSON = [
    b"null",
    b"0",
    b'"false"',
    b"false",
    b"[0]",
    b"[" * 100_000,
    b'{"matches":false}',
    b'{"a":"b"}',
    b"9" * 9999,
]
ODD_HMA = [b'{"BANK":[]}', b'{"BANK":[1]}', b'{"BANK":[{}]}', b'{"BANK":[{"distance":-1}]}']
ODD_HMA += [b'{"BANK":[{"distance":"1%"}]}', b'{"BANK":[{"distance":"' + b"9" * 5000 + b'"}]}']
ASKED = b64encode(SEEN).decode()
ODD_SCANS: list[Any] = [{}, [], None, {ASKED: 1}, {ASKED: []}]
ODD_ARACHNID = [
    *(json.dumps({"scanned_hashes": scanned}).encode() for scanned in ODD_SCANS),
    *(json.dumps({"scanned_hashes": {ASKED: {"classification": c}}}).encode() for c in (None, "", 1)),
    json.dumps({"scanned_hashes": {b64encode(bytes(32)).decode(): None}}).encode(),
    b"{}",
]


def refused_or_unavailable(source: HashSource) -> GoodhosterError:
    with pytest.raises((SourceUnavailableError, SourceRefusedError)) as caught:
        source.look_up(PICTURE)
    return caught.value


@pytest.mark.parametrize("name", NO_JSON_ANSWER)
def test_what_is_no_answer_of_a_json_service_is_never_a_no(
    name: str, hma: FakeHma, arachnid: FakeArachnidShield
) -> None:
    for server, source in ((hma, hma_source(hma)), (arachnid, arachnid_source(arachnid))):
        server.behave = lambda _: NO_JSON_ANSWER[name]
        error = refused_or_unavailable(source)
        assert isinstance(error, SourceRefusedError) == (name in http_answers.REFUSALS)


@pytest.mark.parametrize("body", ODD_JSON + ODD_HMA, ids=lambda body: repr(body[:40]))
def test_odd_json_of_hma_is_never_a_no(hma: FakeHma, body: bytes) -> None:
    hma.behave = lambda _: reply(200, body)
    assert refused_or_unavailable(hma_source(hma)).reason == "odd-answer"  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", ODD_JSON + ODD_ARACHNID, ids=lambda body: repr(body[:40]))
def test_odd_json_of_arachnid_is_never_a_no(arachnid: FakeArachnidShield, body: bytes) -> None:
    arachnid.behave = lambda _: reply(200, body)
    assert refused_or_unavailable(arachnid_source(arachnid)).reason == "odd-answer"  # type: ignore[attr-defined]


def test_a_probe_asks_and_says_what_is_wrong(hma: FakeHma, arachnid: FakeArachnidShield) -> None:
    for server, source in ((hma, hma_source(hma)), (arachnid, arachnid_source(arachnid))):
        source.probe()
        server.behave = lambda _: http_answers.ODD["unavailable"]
        with pytest.raises(SourceUnavailableError):
            source.probe()
