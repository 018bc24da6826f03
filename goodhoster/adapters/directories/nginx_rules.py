"""Follows one server block of nginx from a request to a file, in nginx's own order.

Server rewrites, choice of a location (exact; longest prefix; patterns, unless that is firm; inner locations likewise),
its rewrites, try_files, index, the file, error_page (ngx_http_core_module, ngx_http_rewrite_module). What depends on
something that cannot be known here is followed both ways; what is not understood is UnclearRouteError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from goodhoster.adapters.directories.assumptions import Accept, Choices, to_every_browser
from goodhoster.adapters.directories.patterns import search
from goodhoster.errors import UnclearRouteError
from goodhoster.model.site_rules import FilesOnDisk, ServedFrom, Shown, ShownKind, SiteRequest

Directive = Mapping[str, Any]
Block = Sequence[Directive]
PREFIX = "/usr/share/nginx/"
"""Where relative roots start in the packages of Debian, Fedora and nginx.org."""
_PROGRAMS = frozenset(
    {"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass", "empty_gif", "stub_status"}
    | {"status", "api", "js_content", "perl", "f4f", "hls", "upstream_conf", "content_by_lua_block"}
    | {"content_by_lua", "content_by_lua_file", "passenger_enabled", "echo", "image_filter"}
)
_UNFOLLOWED = frozenset({"random_index", "rewrite_by_lua", "rewrite_by_lua_block", "rewrite_by_lua_file"})
_REDIRECTS = frozenset({"301", "302", "303", "307", "308"})
_MOST_TURNS = 10  # internal redirects, as in nginx
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SCRIPTS = (b".php", b".phtml", b".phar")
_LOCATION = re.compile(r"(=|\^~|~\*|~|)\s*(.*)", re.DOTALL)
_BROWSER = {"user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"}
_BROWSER |= {"referer": "", "cookie": "", "range": "", "origin": "", "x_requested_with": "", "purpose": ""}


@dataclass(frozen=True, slots=True)
class NginxRules:
    """See `model.site_rules.SiteRules`."""

    server: Block
    http: Block
    """What is set around it, without the servers."""
    name: str
    """Its first name."""
    prefix: str = PREFIX

    def shown(self, asked: SiteRequest, disk: FilesOnDisk) -> list[Shown]:
        """See `model.site_rules.SiteRules`.

        Followed for a browser that accepts WebP and AVIF, and for one that does not.
        """
        return to_every_browser(lambda choices, accept: _Walk(self, asked, disk, (choices, accept)).shown())

    def outermost(self) -> _Level:
        """The level that the server's locations inherit from."""
        return _Level(block=(), root=f"{self.prefix}html").inner(self.http, self.prefix).inner(self.server, self.prefix)


@dataclass(frozen=True, slots=True)
class _Level:
    """A server or location with the settings it inherits."""

    block: Block
    root: str
    alias: bool = False
    cut: int | None = 0
    """Bytes of the path for which an alias stands; None for that of a pattern: it stands for all of it."""
    index: tuple[str, ...] = ("index.html",)
    error_pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What follows the codes, by each of them."""
    decided: bool = False
    """By an exact path or a pattern: nothing overrules it any more."""

    def inner(self, block: Block, prefix: str, *, text: str = "", pattern: bool = False) -> _Level:
        """The level of a block inside this one."""
        level = replace(self, block=block)
        for one in block:
            name, args = one["directive"], list(one["args"])
            if name in {"root", "alias"}:
                path = args[0] if args[0].startswith(("/", "$")) else prefix + args[0]
                cut = (None if pattern else len(os.fsencode(text))) if name == "alias" else 0
                level = replace(level, root=path, alias=name == "alias", cut=cut)
        if indexes := [arg for one in _named(block, "index") for arg in one["args"]]:
            level = replace(level, index=tuple(indexes))
        if pages := list(_named(block, "error_page")):
            level = replace(level, error_pages=dict(_error_pages(pages)))
        return level


def _error_pages(pages: Sequence[Directive]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for page in reversed(pages):
        codes = [arg for arg in page["args"] if arg.isdigit()]
        yield from ((code, tuple(arg for arg in page["args"] if not arg.isdigit())) for code in codes)


class _Walk:
    """One request on one way through the configuration."""

    def __init__(self, rules: NginxRules, asked: SiteRequest, disk: FilesOnDisk, way: tuple[Choices, Accept]) -> None:
        self.rules, self.asked, self.disk = rules, asked, disk
        self.choices, self.accept = way
        self.uri = _without_double_slashes(asked.path)
        self.args = asked.query
        self.values: dict[str, str] = dict(asked.variables)
        self.captures: list[str] = []
        self.level = rules.outermost()
        self.inside = False
        """Redirected inside, so that what is internal may be shown."""
        self.missing = False
        """True when a file was missing on the way: then a program is only the fallback for it."""
        self.wanted: ServedFrom | None = None
        """The file that was looked for first."""
        self.turns = 0
        self.failing = False

    def shown(self) -> Shown:
        ended, _how = self._rewrite(self.rules.server)
        return ended or self._located()

    def _located(self) -> Shown:
        """Choose the location, again for as long as the path is rewritten."""
        while True:
            self._count()
            self.level = self._location(self.rules.outermost(), self.rules.server) or self.rules.outermost()
            if self.level.block is self.rules.server:
                return self._content()  # its rewrites are done
            before = self.uri
            ended, how = self._rewrite(self.level.block)
            if ended:
                return ended
            if how == "break" or self.uri == before:
                return self._content()

    def _count(self) -> None:
        self.turns += 1
        if self.turns > _MOST_TURNS:
            raise UnclearRouteError("the configuration loops")

    # choice of a location

    def _location(self, outer: _Level, block: Block) -> _Level | None:
        path = os.fsdecode(self.uri)
        locations = [(*split_location(one["args"]), one) for one in _named(block, "location")]
        for modifier, text, one in locations:
            if modifier == "=" and path == text:
                return self._inside(outer, one, text)
        prefixes = [found for found in locations if found[0] in {"", "^~"} and path.startswith(found[1])]
        found: _Level | None = None
        if prefixes:
            modifier, text, one = max(prefixes, key=lambda prefix: len(prefix[1]))
            level = self._inside(outer, one, text)
            found = self._location(level, one["block"]) or level
            if found.decided or modifier == "^~":
                return found
        return self._by_pattern(outer, [found for found in locations if found[0] in {"~", "~*"}]) or found

    def _by_pattern(self, outer: _Level, locations: Sequence[tuple[str, str, Directive]]) -> _Level | None:
        for modifier, pattern, one in locations:
            if match := search(pattern, os.fsdecode(self.uri), any_case=modifier == "~*"):
                self._capture(match)
                level = self._inside(outer, one, pattern, pattern=True)
                return replace(self._location(level, one["block"]) or level, decided=True)
        return None

    def _inside(self, outer: _Level, location: Directive, text: str, *, pattern: bool = False) -> _Level:
        exact = split_location(location["args"])[0] == "="
        level = outer.inner(location["block"], self.rules.prefix, text=text, pattern=pattern)
        return replace(level, decided=exact)

    def _capture(self, match: re.Match[str]) -> None:
        self.captures = [value or "" for value in match.groups()]
        self.values |= {name: value or "" for name, value in match.groupdict().items()}

    # rewrite phase

    def _rewrite(self, block: Block) -> tuple[Shown | None, str]:
        """The result that ends the request, or None, and how the rewrites of the block ended.

        That is `break`, `last`, or empty where all are done.
        """
        for one in block:
            name, args = one["directive"], list(one["args"])
            match name:
                case "set":
                    self.values[args[0].removeprefix("$")] = self._text(args[1] if len(args) > 1 else "")
                case "break":
                    return None, "break"
                case "return":
                    return self._returned(args), "break"
                case "rewrite":
                    ended, how = self._rewritten(args)
                    if ended or how:
                        return ended, how
                case "if" if self._holds(args):
                    ended, how = self._when_true(one["block"])
                    if ended or how:
                        return ended, how
        return None, ""

    def _when_true(self, block: Block) -> tuple[Shown | None, str]:
        if handed := self._handled_by_program(block):
            return handed, "break"
        if any(one["directive"] in {"root", "alias", "index", "error_page"} for one in block):
            raise UnclearRouteError("an if that changes where files are")
        # nginx: the block of an if is a location of its own, and try_files is not inherited.
        self.level = replace(self.level, block=[one for one in self.level.block if one["directive"] != "try_files"])
        return self._rewrite(block)

    def _returned(self, args: Sequence[str]) -> Shown:
        code, text = (args[0], args[1:]) if args[0].isdigit() else ("302", args)
        if code in _REDIRECTS and text:
            return Shown(ShownKind.REDIRECT, url=self._absolute(self._text(text[0])))
        if code.startswith("2"):
            return Shown(ShownKind.PROGRAM)
        return self._failed(code, None)

    def _rewritten(self, args: Sequence[str]) -> tuple[Shown | None, str]:
        """The result that ends the request, and the flag of a rewrite that was done."""
        pattern, to, flag = args[0], args[1], args[2] if len(args) > 2 else ""  # noqa: PLR2004 - a flag may follow
        match = search(pattern, os.fsdecode(self.uri))
        if match is None:
            return None, ""
        self._capture(match)
        new = self._text(to)
        if to.startswith(("http://", "https://", "$scheme")) or flag in {"redirect", "permanent"}:
            return Shown(ShownKind.REDIRECT, url=self._absolute(new)), "break"
        path, question, args_of_it = new.partition("?")
        if question and not new.endswith("?"):
            self.args = "&".join(filter(None, (args_of_it, self.args)))
        elif question:
            self.args = args_of_it
        if "%" in path or not path.startswith("/"):
            raise UnclearRouteError(f"a rewrite makes {path[:80]!r}")
        self.uri = os.fsencode(path)
        return None, flag

    def _holds(self, args: Sequence[str]) -> bool:
        """Evaluate a condition; one that cannot be known is followed both ways."""
        words = _condition(args)
        try:
            return self._is_true(words)
        except _UnknownError as error:
            return self.choices.of(f"{error}: {' '.join(words)}")

    def _is_true(self, words: Sequence[str]) -> bool:
        if len(words) == 1:
            return self._text(words[0], strict=True) not in {"", "0"}
        if words[0] in _ON_DISK:
            wanted, kind = words[0].startswith("!"), words[0].lstrip("!")
            path = os.fsencode(self._text(words[1], strict=True))
            there = (kind != "-d" and self.disk.is_file(path)) or (
                kind in {"-d", "-e"} and self.disk.is_directory(path)
            )
            return there != wanted
        left, operator, right = self._text(words[0], strict=True), words[1], " ".join(words[2:])
        if operator in {"=", "!="}:
            return (left == self._text(right, strict=True)) == (operator == "=")
        if operator.lstrip("!") in {"~", "~*"}:
            match = search(right, left, any_case=operator.endswith("*"))
            if match:
                self._capture(match)
            return (match is not None) != operator.startswith("!")
        raise UnclearRouteError(f"a condition that is not understood: {' '.join(words)[:80]}")

    # content

    def _content(self) -> Shown:
        block = self.level.block
        for one in block:
            if one["directive"] in _UNFOLLOWED:
                raise UnclearRouteError(f"{one['directive']} is not followed")
            if one["directive"] == "limit_except" and any(b["directive"] in _PROGRAMS for b in one["block"]):
                raise UnclearRouteError("limit_except hands requests on")
        if any(one["directive"] == "internal" for one in block) and not self.inside:
            return self._failed("404", None)
        if tries := next(_named(block, "try_files"), None):
            return self._tried(tries["args"])
        return self._handled_by_program(block) or self._static()

    def _handled_by_program(self, block: Block) -> Shown | None:
        """What is shown when a program gets the request.

        By the directives for it, except where the configuration switches it off.
        """
        if not any(one["directive"] in _PROGRAMS and one["args"] != ["off"] for one in block):
            return None
        return Shown(ShownKind.FALLBACK if self.missing else ShownKind.PROGRAM, self.wanted)

    def _tried(self, args: Sequence[str]) -> Shown:
        *candidates, last = args
        for candidate in candidates:
            text = self._text(candidate)
            folder = candidate.endswith("/")  # as it is written: $uri asks for a file, also where that ends with one
            rest = self._tried_rest(os.fsencode(text))
            path = os.fsencode(self._text(self.level.root, harmless=True)) + rest
            if b".." in rest.split(b"/"):
                raise UnclearRouteError("a path that leaves its root")
            if self.disk.is_directory(path) if folder else self.disk.is_file(path):
                self.uri = (self.uri[: self.level.cut] if self.level.alias else b"") + rest
                return self._handled_by_program(self.level.block) or self._static()
        self._note_missing()
        if last.startswith("="):
            return self._failed(last[1:], self.wanted)
        return self._redirect_internally(self._text(last))

    def _tried_rest(self, candidate: bytes) -> bytes:
        """The path that try_files looks up: behind an alias without the part it replaces."""
        level = self.level
        if not level.alias:
            return candidate
        if level.cut is None:
            raise UnclearRouteError("try_files in a location that is a pattern with an alias")
        return candidate[level.cut :] if candidate.startswith(self.uri[: level.cut]) else candidate

    def _redirect_internally(self, to: str) -> Shown:
        """An internal redirect: to a path, or to a named location."""
        self._count()
        self.inside = True
        if to.startswith("@"):
            for one in _named(self.rules.server, "location"):
                if split_location(one["args"])[1] == to:
                    self.level = self._inside(self.rules.outermost(), one, "")
                    return self._content_of_named(one["block"])
            raise UnclearRouteError(f"there is no location {to}")
        path, _, args = to.partition("?")
        self.uri, self.args = os.fsencode(path), args
        return self._located()

    def _content_of_named(self, block: Block) -> Shown:
        before = self.uri
        ended, how = self._rewrite(block)
        return ended or (self._content() if how == "break" or self.uri == before else self._located())

    def _static(self) -> Shown:
        at = self._file()
        path = os.path.join(at.directory, at.path)
        self.wanted = self.wanted or at
        if self.uri.endswith(b"/"):
            return self._indexed(at)
        if self.disk.is_directory(path):
            query = f"?{self.args}" if self.args else ""
            return Shown(ShownKind.REDIRECT, at, self._absolute(_quoted(self.uri) + "/" + query))
        if not self.disk.is_file(path):
            return self._failed("404", at)
        return Shown(ShownKind.PROGRAM if path.lower().endswith(_SCRIPTS) else ShownKind.FILE, at)

    def _indexed(self, at: ServedFrom) -> Shown:
        directory = os.path.join(at.directory, at.path)
        for name in map(self._text, self.level.index):
            if name.startswith("/"):
                return self._redirect_internally(name)
            if self.disk.is_file(os.path.join(directory, os.fsencode(name))):
                return self._redirect_internally(os.fsdecode(self.uri) + name)
        return self._failed("403" if self.disk.is_directory(directory) else "404", at)

    def _failed(self, code: str, at: ServedFrom | None) -> Shown:
        """The result for a refused or missing file, or the error page shown instead."""
        page = self.level.error_pages.get(code)
        nothing = Shown(ShownKind.NOTHING, at)
        if page is None or self.failing:
            return nothing
        self.failing = True
        self._note_missing()
        to, instead = self._text(page[-1]), [arg for arg in page[:-1] if arg.startswith("=")]
        if to.startswith(("http://", "https://")):
            return Shown(ShownKind.REDIRECT, at, to)
        shown = self._redirect_internally(to)
        if shown.kind is ShownKind.FILE and instead not in (["=200"], ["="]):
            return nothing  # a page that says so, with the code
        return replace(shown, at=at) if shown.kind in {ShownKind.PROGRAM, ShownKind.FALLBACK} else shown

    def _note_missing(self) -> None:
        if self.wanted is None and not self.level.alias:
            self.wanted = self._file()
        self.missing = True

    def _file(self) -> ServedFrom:
        level = self.level
        root = os.fsencode(self._text(level.root, harmless=True))
        if level.alias and level.cut is None:
            return ServedFrom(*os.path.split(root))
        if level.alias and len(self.uri) == level.cut:
            return ServedFrom(*os.path.split(root))
        rest = self.uri[level.cut :] if level.alias else self.uri
        if level.alias and rest and not root.endswith(b"/") and not rest.startswith(b"/"):
            raise UnclearRouteError("an alias that goes on in the middle of a name")
        if b".." in rest.split(b"/"):
            raise UnclearRouteError("a path that leaves its root")
        return ServedFrom(root.rstrip(b"/") or b"/", b"/".join(piece for piece in rest.split(b"/") if piece))

    # variables

    def _text(self, text: str, *, strict: bool = False, harmless: bool = False) -> str:
        """A text with its variables filled in.

        For a variable that cannot be known here, _UnknownError where `strict`, else UnclearRouteError.
        `harmless`: the text is in a directory, where an outsider may choose the host.
        """

        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            told = self._value(name)
            if told is None and strict:
                raise _UnknownError(name)
            if told is None:
                raise UnclearRouteError(f"${name} cannot be known here")
            if harmless and (".." in told.split("/") or (name in _ANYBODYS and not _HARMLESS.fullmatch(told))):
                raise UnclearRouteError(f"${name} is {told[:40]!r}")
            return told

        return _NAME.sub(value, text)

    def _value(self, name: str) -> str | None:  # noqa: PLR0911 - a table with some rules
        asked = self.asked
        if name.isdigit():
            number = int(name)
            named = self.values.get(name)
            return self.captures[number - 1] if 0 < number <= len(self.captures) else (named or "")
        if name in self.values:
            return self.values[name]
        if name in {"document_root", "realpath_root"}:
            return self._text(self.level.root)
        if name == "request_filename":
            at = self._file()
            return os.fsdecode(os.path.join(at.directory, at.path))
        if name == "http_accept":
            return self.accept.value
        path = os.fsdecode(self.uri)
        known = {
            "uri": path, "document_uri": path, "request_uri": asked.raw + (f"?{asked.query}" if asked.query else ""),
            "args": self.args, "query_string": self.args, "is_args": "?" if self.args else "", "host": asked.host,
            "http_host": asked.host, "server_name": self.rules.name, "scheme": asked.scheme, "request_method": "GET",
            "https": "on" if asked.scheme == "https" else "", "server_port": str(asked.port),
            "invalid_referer": self._invalid_referer(),
            "remote_user": "", "content_length": "", "content_type": "",
        }  # fmt: skip
        if name in known:
            return known[name]
        if name.startswith("http_"):
            return _BROWSER.get(name.removeprefix("http_"))
        if name.startswith("cookie_"):
            return ""
        if name.startswith("arg_"):
            pairs = (pair.partition("=") for pair in self.args.split("&"))
            return next((value for key, _, value in pairs if key.lower() == name[4:].lower()), "")
        return self._mapped(name)

    def _absolute(self, url: str) -> str:
        """The absolute URL that a redirect leads to."""
        if not url.startswith("/"):
            return url
        usual = {"http": 80, "https": 443}[self.asked.scheme]
        port = "" if self.asked.port == usual else f":{self.asked.port}"
        return f"{self.asked.scheme}://{self.asked.host}{port}{url}"

    def _invalid_referer(self) -> str:
        """The value of $invalid_referer for a request without a referer.

        Empty where such requests are allowed although foreign pages may not show pictures.
        """
        words = [arg for block in (self.level.block, self.rules.server) for one in _named(block, "valid_referers")
                 for arg in one["args"]]  # fmt: skip
        return "" if not words or "none" in words else "1"

    def _mapped(self, name: str) -> str | None:
        for one in _named(self.rules.http, "map"):
            if one["args"][1:] == [f"${name}"]:
                return self._looked_up(self._text(one["args"][0], strict=True), one["block"])
        return None

    def _looked_up(self, source: str, block: Block) -> str | None:
        default = ""
        patterns: list[tuple[str, str]] = []
        for one in block:
            key, value = one["directive"], (list(one["args"]) or [""])[0]
            if key in {"hostnames", "include"}:
                return None
            if key == "default":
                default = value
            elif key.startswith("~"):
                patterns.append((key[1:], value))
            elif key != "volatile" and key.removeprefix("\\").lower() == source.lower():
                return self._text(value)
        for pattern, value in patterns:
            match = search(pattern.removeprefix("*"), source, any_case=pattern.startswith("*"))
            if match:
                self._capture(match)
                return self._text(value)
        return self._text(default)


class _UnknownError(Exception):
    """The name of a variable whose value cannot be known here."""


_ON_DISK = frozenset({"-f", "!-f", "-d", "!-d", "-e", "!-e", "-x", "!-x"})
_ANYBODYS = frozenset({"host", "http_host"})
_HARMLESS = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.IGNORECASE)


def _condition(args: Sequence[str]) -> list[str]:
    """The words of `if (…)`, with or without the brackets in the parser's output."""
    words = list(args)
    if words and words[0].startswith("("):
        words[0] = words[0][1:]
        words[-1] = words[-1].removesuffix(")")
    words = [word for word in words if word]
    if not words:
        raise UnclearRouteError("an if without a condition")
    return words


def split_location(args: Sequence[str]) -> tuple[str, str]:
    """The modifier, which may be attached to the pattern, and the pattern."""
    found = _LOCATION.fullmatch(" ".join(args))
    return (found[1], found[2]) if found else ("", "")


def _named(block: Block, name: str) -> Iterator[Directive]:
    return (one for one in block if one["directive"] == name)


def _without_double_slashes(path: bytes) -> bytes:
    return re.sub(rb"/{2,}", b"/", path)


def _quoted(path: bytes) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path)


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-~!$&'()*+,;=:@")
