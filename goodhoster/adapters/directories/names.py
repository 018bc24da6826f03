"""Host names as the model has them."""

from __future__ import annotations


def host_name(name: str) -> str:
    """Lower case, punycode, no trailing dot; a pattern (`~…`) as it is."""
    if name.startswith("~"):
        return name
    plain = name.lower().rstrip(".")
    try:
        return plain if plain.isascii() else plain.encode("idna").decode("ascii")
    except UnicodeError:
        return plain
