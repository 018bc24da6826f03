"""Host names in the form that the model uses."""

from __future__ import annotations


def host_name(name: str) -> str:
    """Lower case, no trailing dot; a pattern (`~…`) as it is.

    Not punycode: one encoder, that of URLs, does it for all sites (`notices.urls.host_name`); Python's own follows
    IDNA 2003, for which `straße.example` is `strasse.example`.
    """
    return name if name.startswith("~") else name.lower().rstrip(".")
