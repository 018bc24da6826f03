import pytest

from goodhoster.adapters.hash_sources.proxies import Proxy, proxy_for
from goodhoster.errors import ConfigurationError

URL = "https://api.made-up.invalid/v1/check"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_none_is_set() -> None:
    assert proxy_for(URL) == Proxy()


@pytest.mark.parametrize("value", ["http://proxy:3128", "proxy:3128", "http://proxy:3128/"])
def test_the_one_of_the_scheme_is_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    assert proxy_for(URL) == Proxy("http://proxy:3128")
    assert proxy_for("http://api.made-up.invalid/") == Proxy()


def test_its_password_goes_into_a_header_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:p%40ss@proxy:3128")
    proxy = proxy_for(URL)
    assert proxy == Proxy("http://proxy:3128", {"Proxy-Authorization": "Basic dXNlcjpwQHNz"})
    assert "dXNlc" not in repr(proxy)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "hash.example.org"])
def test_loopback_and_named_exceptions_are_reached_directly(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy_for(f"https://{host}/v1/check") == Proxy()


@pytest.mark.parametrize("value", ["socks5://proxy:1080", "http://"])
def test_another_kind_of_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ConfigurationError, match="not an HTTP proxy"):
        proxy_for(URL)
