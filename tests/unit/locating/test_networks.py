from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.locating.networks import Networks, read_networks

HEAD = "prefix,owner,contact\n"
TABLE = (
    HEAD + "192.0.2.0/24,Example Net,abuse@net.example\n\n192.0.2.128/25,Part of it,\n"
    '2001:db8::/32,"Six, a carrier",abuse@six.example\n198.51.100.7,One machine,x@y.example\n'
)


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("192.0.2.1", "Example Net, abuse@net.example"),
        ("192.0.2.129", "Part of it"),
        ("2001:db8::1", "Six, a carrier, abuse@six.example"),
        ("198.51.100.7", "One machine, x@y.example"),
        ("198.51.100.8", ""),
        ("::ffff:192.0.2.1", ""),
        ("anna.example", ""),
        ("", ""),
    ],
)
def test_the_longest_prefix_counts(tmp_path: Path, address: str, owner: str) -> None:
    file = tmp_path / "networks.csv"
    file.write_text(TABLE)
    assert read_networks(file).owner_of(address) == owner


def test_without_a_table_nobody_is_known() -> None:
    assert Networks().owner_of("192.0.2.1") == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("192.0.2.0/24,Example Net,a@b.example\n", "has other columns"),
        (HEAD + "192.0.2.0/24,Example Net\n", "line 2 is not a network"),
        (HEAD + "192.0.2.0/24,A,b\n192.0.2.1/24,A,b\n", "line 3 is not a network"),
        (HEAD + "example,A,b\n", "line 2 is not a network"),
        (HEAD + "\udcff", "cannot read the networks"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "networks.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as refusal:
        read_networks(file)
    assert says in str(refusal.value)
    assert refusal.value.hint


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the networks"):
        read_networks(tmp_path / "none.csv")


def test_a_quote_that_is_not_closed_hides_no_network(tmp_path: Path) -> None:
    file = tmp_path / "networks.csv"
    file.write_text('prefix,owner,contact\n192.0.2.0/24,Net,"abuse@net.example\n198.51.100.0/24,Other,a@b.example\n')
    with pytest.raises(ConfigurationError, match="unexpected end of data"):
        read_networks(file)
