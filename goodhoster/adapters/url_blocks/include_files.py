"""The files that a web server includes: blocked addresses, and what visitors see there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UNAVAILABLE = 451
NOT_FOUND = 404
_HEADER = "# Written by goodhoster; changes here are lost.\n"
_PAGE = ".page.html"
_SERVER = ".server"
"""Not `.conf`: Debian's nginx includes each of those at the level of all servers."""
_JUMP = "/.goodhoster-blocked"


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """What visitors see at a blocked address."""

    status: int = UNAVAILABLE
    page: str = ""
    """The house's own page (HTML) with status 451; empty: the web server's own."""

    @property
    def plain_page(self) -> str:
        """The page in ASCII, which says the same in whatever charset the web server names."""
        return self.page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def nginx(keys: Sequence[str], answer: BlockAnswer, include: Path) -> Mapping[str, str]:
    """Text of each file, by what its name has behind that of the include.

    The include itself is a map for the level `http`; each server block includes the one with `.server`, or says
    `if ($goodhoster_blocked) { return 451; }`.
    """
    lines = "".join(f'    "{key}" 1;\n' for key in keys)
    mapped = f"map_hash_bucket_size 8192;\nmap $host$request_uri $goodhoster_blocked {{\n    default 0;\n{lines}}}\n"
    files = {"": _HEADER + mapped, _SERVER: _HEADER + _nginx_server(answer, include)}
    return files | {_PAGE: answer.plain_page} if answer.page else files


def _nginx_server(answer: BlockAnswer, include: Path) -> str:
    """Text of the file for each server block.

    The page is shown from a location of its own: `error_page` at the level of the server would switch off those of the
    levels above it, and an internal redirect would be blocked itself.
    """
    if not answer.page:
        return f"if ($goodhoster_blocked) {{ return {answer.status}; }}\n"
    directory, name = _quoted(str(include.parent)), _quoted(f"/{include.name}{_PAGE}")
    return (
        f"if ($goodhoster_blocked) {{ rewrite ^ {_JUMP} last; }}\n"
        f"location = {_JUMP} {{\n    internal;\n    error_page {UNAVAILABLE} @goodhoster_blocked;\n"
        f"    return {UNAVAILABLE};\n}}\n"
        "location @goodhoster_blocked {\n    internal;\n"
        f"    if ($request_method !~ ^(GET|HEAD)$) {{ return {UNAVAILABLE}; }}\n"
        f"    types {{ }}\n    default_type text/html;\n    root {directory};\n"
        f"    try_files {name} ={UNAVAILABLE};\n}}\n"
    )


def _quoted(path: str) -> str:
    """A path as one word of nginx's configuration."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def apache(keys: Sequence[str], answer: BlockAnswer, _: Path) -> Mapping[str, str]:
    """Text of the include: conditions at server level, which apply to every virtual host."""
    page = f"ErrorDocument {UNAVAILABLE} {_apache_text(answer.plain_page)}\n" if answer.page else ""
    return {"": _HEADER + page + "".join(_apache_condition(key, answer.status) for key in keys)}


def _apache_condition(key: str, status: int) -> str:
    host, slash, path = key.partition("/")
    request = f"m#^[A-Z]+ {_literally(slash + path)} #"
    return (
        f'<If "%{{HTTP_HOST}} =~ m#^{_literally(host)}(:[0-9]+)?$#i && %{{THE_REQUEST}} =~ {request}">\n'
        f"    Redirect {status}\n</If>\n"
    )


def _literally(text: str) -> str:
    """A text as a literal pattern without backslashes, some of which Apache's parser removes."""
    return re.sub(r"[^A-Za-z0-9/_-]", lambda found: f"[{found[0]}]", text)


def _apache_text(page: str) -> str:
    """A page as one word of Apache's configuration, on one line and without expressions."""
    line = " ".join(page.split())
    for sign in "%$":
        line = line.replace(sign + "{", sign + " {")
    return '"' + line.replace("\\", "&#92;").replace('"', '\\"') + '"'
