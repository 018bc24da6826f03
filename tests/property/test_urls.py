"""URLs as people write them and as nobody should: never two hosts, never out of the path."""

import ipaddress
import re
import string

import pytest
from ada_url import URL
from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import WebAddress, host_name, read_url
from goodhoster.notices.reading.url_finder import items_in

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
def test_invisible_characters_in_front_of_the_path_change_nothing(
    host: str, path: str, marks: list[tuple[int, str]]
) -> None:
    head = f"http://{host}"
    for place, mark in marks:
        head = head[:place] + mark + head[place:]
    assert read_url(head + path) == read_url(f"http://{host}{path}")


@pytest.mark.parametrize("mark", INVISIBLE + "\u200c")
def test_an_invisible_character_in_a_path_makes_another_name(mark: str) -> None:
    (path,) = only(f"http://a.example/n{mark}1.png").paths
    assert path == f"/n{mark}1.png".encode()


@given(st.text(max_size=40))
@example("foo.09../x")
@example("stra\u00dfe.example/\u00e9")
@example("a\tb.example/x\ny")
@example("a.example/a b'c")
def test_a_url_is_what_the_whatwg_parser_makes_of_it_or_a_matter_for_a_person(text: str) -> None:
    """ada is the oracle. What people write to make an address unclickable is no URL for it."""
    if re.search(r"[\[({_\]] ?\.|\. ?[\])}_]|dot|pun|poin| \.|\. ", text.lower()):
        return
    try:
        address = read_url(f"http://{text}")[-1]
    except UnclearUrlError:
        return
    url = URL(f"http://{text.strip()}")
    url.username = url.password = url.hash = ""
    assert address.host == url.hostname.strip("[]").rstrip(".")
    assert (address.path, address.query) == (url.pathname, url.search.removeprefix("?"))


@pytest.mark.parametrize(
    ("written", "href"),
    [
        ("ht\ttp://a.example/x", "http://a.example/x"),
        ("\x00 http://a.example/x\n", "http://a.example/x"),
        ("h00p://a.example/x", "http://a.example/x"),
        ("hxxp://a_._example/x", "http://a.example/x"),
        ("hxxp://a [.] b (.) example/x", "http://a.b.example/x"),
        ("hxxp://a[.b[.example/x", "http://a.b.example/x"),
        ("hxxp://a dot example/x", "http://a.example/x"),
        ("http://stra\u00dfe.example/", "http://xn--strae-oqa.example/"),
        ("http://fa\u00df.example/", "http://xn--fa-hia.example/"),
        ("http://a.example/a.png/", "http://a.example/a.png/"),
    ],
)
def test_as_a_browser_reads_it_once_it_is_clickable(written: str, href: str) -> None:
    assert read_url(written)[-1].href == href


@pytest.mark.parametrize(
    ("name", "as_everywhere"),
    [
        ("Stra\u00dfe.Example.", "xn--strae-oqa.example"),
        ("*.b\u00fccher.example", "*.xn--bcher-kva.example"),
        (".b\u00fccher.example", ".xn--bcher-kva.example"),
        ("www.b\u00fccher.*", "www.xn--bcher-kva.*"),
        ("strasse.example", "strasse.example"),
        ("_default_", "_default_"),
        ("no host\u00e9", "no host\u00e9"),
    ],
)
def test_a_name_in_a_site_list_is_encoded_as_one_in_a_url(name: str, as_everywhere: str) -> None:
    assert host_name(name) == as_everywhere


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
        ("foo.09..", "not-a-url"),
        ("http://foo.09../x", "not-a-url"),
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
    text = "".join(f"See {url}, please.\n" for url in plain)
    assert [item.urls[0] for item in items_in(text)] == plain
