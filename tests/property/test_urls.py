"""URLs as people write them and as nobody should: never two hosts, never out of the path."""

import ipaddress
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import WebAddress, read_url
from goodhoster.notices.reading.formats.free_text import urls_in

LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=10).map(lambda text: f"a{text}")
HOST = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
SEGMENT = st.text(string.ascii_letters + string.digits + "-_~!$&'()*+,;=:@", min_size=1, max_size=12)
PATH = st.lists(SEGMENT.filter(lambda text: text not in {".", ".."}), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
INVISIBLE = "\u200b\u200d\u2060\ufeff\u00ad\u200e"


def only(text: str) -> WebAddress:
    (address,) = read_url(text)
    return address


@given(HOST, PATH)
def test_a_plain_url_is_read_as_it_stands(host: str, path: str) -> None:
    address = only(f"https://{host}{path}")
    assert (address.host, address.port, address.path, address.query) == (host, 443, path, "")
    assert address.href == f"https://{host}{path}"


@given(HOST, PATH, st.data())
def test_what_was_made_unclickable_is_the_same_url(host: str, path: str, data: st.DataObject) -> None:
    dots = data.draw(st.sampled_from([".", "[.]", "(.)", "{.}", "[dot]", "(DOT)", " [.] "]))
    scheme = data.draw(st.sampled_from(["http://", "hxxp://", "HXXP://", "hXXp[:]//", "h**p://", "hxxp[://]", ""]))
    written = scheme + host.replace(".", dots) + path
    assert read_url(written)[0] == only(f"http://{host}{path}")


@given(HOST, PATH, st.lists(st.tuples(st.integers(0, 60), st.sampled_from(INVISIBLE))))
def test_invisible_characters_change_nothing(host: str, path: str, marks: list[tuple[int, str]]) -> None:
    written = plain = f"http://{host}{path}"
    for place, mark in marks:
        written = written[:place] + mark + written[place:]
    assert read_url(written) == read_url(plain)


@given(HOST, PATH)
def test_credentials_trailing_dot_and_capitals_do_not_matter(host: str, path: str) -> None:
    assert only(f"HTTP://user:pass@{host.upper()}.{path}") == only(f"http://{host}{path}")


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_in_any_spelling_is_that_address(number: int) -> None:
    plain = str(ipaddress.IPv4Address(number))
    high, low = number >> 24, number & 0xFFFFFF
    for spelling in (plain, str(number), hex(number), f"{high}.{low}", f"0x{high:x}.{low}", f"0{high:o}.{low}"):
        assert only(f"http://{spelling}/x").host == plain


@given(st.integers(0, 2**128 - 1), st.integers(1, 65535))
def test_an_ipv6_address_with_a_port(number: int, port: int) -> None:
    address = only(f"http://[{ipaddress.IPv6Address(number).exploded}]:{port}/x")
    assert ipaddress.IPv6Address(address.host) == ipaddress.IPv6Address(number)
    assert address.port == port


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("http://a\\@b/", "hosts-disagree"),
        ("http://a.example\\.b.example/", None),
        ("http:/a.example/b", "hosts-disagree"),
        ("http:a.example/b", "hosts-disagree"),
        ("http://a.example:80:90/", "not-a-url"),
        ("http://a%00b.example/", "not-a-url"),
        ("http://a.example/%00.jpg", "nul"),
        ("http://a.example/x%2500.jpg", "nul"),
        ("http://a.example/..%2fx", "dot-dot"),
        ("http://a.example/%252e%252e/x", "dot-dot"),
        ("http://a.example/x/..%5cy", "dot-dot"),
        ("javascript:alert(1)", "other-scheme"),
        ("data:text/html,x", "other-scheme"),
        ("file:///etc/passwd", "other-scheme"),
        ("ftp://a.example/x", "other-scheme"),
        ("mailto:a@b.example", "other-scheme"),
        ("http://", "not-a-url"),
        ("", "not-a-url"),
        ("http://[::1/", "not-a-url"),
        ("http://" + "a" * 9000, "too-long"),
    ],
)
def test_what_nobody_should_guess(written: str, reason: str | None) -> None:
    if reason is None:
        assert only(written).host == "a.example"
        return
    with pytest.raises(UnclearUrlError) as refusal:
        read_url(written)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("http://a.example/a%20b.jpg", (b"/a b.jpg",)),
        ("http://a.example/%2561.jpg", (b"/%61.jpg", b"/a.jpg")),
        ("http://a.example/x/../y", (b"/y",)),
        ("http://a.example/%2e%2e/%2E./y", (b"/y",)),
        ("http://a.example/caf\u00e9", (b"/caf\xc3\xa9",)),
        ("http://a.example/caf%E9", (b"/caf\xe9",)),
        ("http://a.example", (b"/",)),
        ("http://a.example/a?b=/../c", (b"/a",)),
    ],
)
def test_what_a_server_looks_for(written: str, paths: tuple[bytes, ...]) -> None:
    assert only(written).paths == paths


def test_idn_is_punycode() -> None:
    assert only("http://caf\u00e9.example/").host == only("http://xn--caf-dma.example/").host == "xn--caf-dma.example"


def test_a_dot_in_words_inside_the_path_has_two_readings() -> None:
    hrefs = [address.href for address in read_url("http://a(dot)example/x(dot)jpg")]
    assert hrefs == ["http://a.example/x.jpg", "http://a.example/x(dot)jpg"]


@given(st.text(max_size=60))
@example("http://\ud800/")
@example("//[")
@example("http://a[.]b\\@c")
def test_any_text_is_read_or_refused_and_never_climbs(text: str) -> None:
    for written in (text, f"http://{text}", f"http://a.example/{text}"):
        try:
            addresses = read_url(written)
        except UnclearUrlError:
            continue
        for address in addresses:
            assert address.host
            assert address.path.startswith("/")
            for path in address.paths:
                assert b"\0" not in path
                assert not {b"..", b"."} & set(path.split(b"/"))


@given(st.lists(st.tuples(HOST, PATH), min_size=1, max_size=5, unique=True))
def test_urls_are_found_in_text_in_their_order(parts: list[tuple[str, str]]) -> None:
    urls = ["https://" + host + path.rstrip(":;,.!?*()'") for host, path in parts]
    plain = list(dict.fromkeys(url for url in urls if not set(url) & set("()'")))
    assert urls_in([f"See {url}, please.\n" for url in plain]) == plain
