"""Follows one virtual host of Apache from a request to a file, in Apache's own order.

For the whole host: mod_rewrite, ProxyPass, Redirect, Alias, UserDir, VirtualDocumentRoot or DocumentRoot. Then what
applies to the directory, from <Directory> and .htaccess: mod_rewrite, Redirect, DirectoryIndex, FallbackResource,
MultiViews, handlers, ErrorDocument. What is not understood is UnclearRouteError.
"""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from goodhoster.adapters.directories.apache_config import TROUBLE, ConfigReader, Node, Nodes
from goodhoster.adapters.directories.apache_dump import ApacheDump
from goodhoster.adapters.directories.apache_rewrite import Rewriting, Rewritten, UnknownValueError
from goodhoster.adapters.directories.assumptions import Accept, Choices, to_every_browser
from goodhoster.adapters.directories.patterns import search
from goodhoster.errors import UnclearRouteError
from goodhoster.model.site_rules import FilesOnDisk, ServedFrom, Shown, ShownKind, SiteRequest

_MOST_TURNS = 10  # internal redirects, as in Apache
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"
_SCRIPTS = (b".php", b".phtml", b".phar", b".cgi", b".pl", b".py", b".rb")
_PROXIES = frozenset({"proxypass", "proxypassmatch", "wsgiscriptalias", "wsgiscriptaliasmatch", "jkmount"})
_ALIASES = frozenset({"alias", "aliasmatch", "scriptalias", "scriptaliasmatch"})
_REDIRECTS = frozenset({"redirect", "redirectmatch", "redirectpermanent", "redirecttemp"})
_CODES = {"permanent": "301", "temp": "302", "seeother": "303", "gone": "410"}
_UNFOLLOWED = frozenset(
    {"checkspelling", "checkcaseonly", "action", "luamaphandler", "modpagespeed", "serverpath", "virtualdocumentrootip"}
    | {"luahooktranslatename", "luahookmaptostorage", "luahookfixups", "virtualscriptalias", "perltranshandler"}
    | {"imagemapmenu", "cgimapextension", "script"}
)
_PLAIN_HANDLERS = frozenset({"none", "default-handler"})
_PROGRAM_TYPES = re.compile(r"application/x-(?:httpd|lsphp|php)[\w.-]*|(?:proxy:|fcgid|php|cgi|fastcgi|lsapi)\S*")
_SECTIONS = frozenset({"files", "filesmatch", "location", "locationmatch", "if"})
_HARMLESS = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ApacheRules:
    """See `model.site_rules.SiteRules`."""

    host: Nodes
    """What stands in the <VirtualHost>."""
    main: Nodes
    """What stands outside of every host."""
    dump: ApacheDump

    @property
    def document_root(self) -> str:
        """The document root of the host, or else of the server.

        Of a mass virtual host it is the part without placeholders.
        """
        for node in self.host:
            if node.name == "virtualdocumentroot" and node.args:
                return node.args[0].partition("%")[0]
        own = next((node.args[0] for node in self.host if node.name == "documentroot" and node.args), "")
        return self.absolute(own) if own else self.dump.document_root

    def absolute(self, path: str) -> str:
        """A path of the configuration, made absolute."""
        return os.path.join(self.dump.server_root, path)

    def shown(self, asked: SiteRequest, disk: FilesOnDisk) -> list[Shown]:
        """See `model.site_rules.SiteRules`.

        Followed for a browser that accepts WebP and AVIF, and for one that does not.
        """
        return to_every_browser(lambda choices, accept: _Walk(self, asked, disk, (choices, accept)).shown())

    def both(self, *names: str) -> Iterator[Node]:
        """The directives of these names for the whole host: its own, then the server's."""
        return (node for node in (*self.host, *self.main) if node.name in names)


@dataclass(slots=True)
class _Directory:
    """The settings that apply to one directory."""

    path: bytes = b"/"
    override: str = "None"
    rewriting: Nodes = ()
    """The rules of the deepest place that switches them on."""
    rewriting_at: bytes = b""
    base: str = ""
    index: list[str] = field(default_factory=lambda: ["index.html"])
    multiviews: bool = False
    slash: bool = True
    fallback: str = ""
    not_found: str = ""
    redirects: list[Node] = field(default_factory=list)
    handler: str = ""
    suffixes: dict[str, str] = field(default_factory=dict)
    """Handlers by the suffixes of names."""
    sections: list[Node] = field(default_factory=list)


class _Walk:
    """One request on one way through the configuration."""

    def __init__(self, rules: ApacheRules, asked: SiteRequest, disk: FilesOnDisk, way: tuple[Choices, Accept]) -> None:
        self.rules, self.asked, self.disk = rules, asked, disk
        self.choices, self.accept = way
        self.uri = re.sub(rb"/{2,}", b"/", asked.path)
        self.query = asked.query
        self.turns = 0
        self.final = False
        """Do rules count no more (END)?"""
        self.filename = b""
        self.missing = False
        self.wanted: ServedFrom | None = None
        self.failing = False

    def shown(self) -> Shown:
        self.turns += 1
        if self.turns > _MOST_TURNS:
            raise UnclearRouteError("the configuration loops")
        self._expect_followed((*self.rules.host, *self.rules.main))
        self.filename = self.uri
        if ended := self._of_the_host():
            return ended
        at = self._mapped()
        return self._of_the_directory(at) if at else Shown(ShownKind.PROGRAM)

    # what counts for the whole host

    def _of_the_host(self) -> Shown | None:
        if rules := self._rules_of(self.rules.host):
            done = Rewriting(rules, self._value, self.disk, self.choices).run(os.fsdecode(self.uri), self.query)
            if ended := self._ended(done):
                return ended
            if done.changed:
                return self._rewritten_for_the_host(done)
        return self._handled_by_program() or self._redirected(self.rules.both(*_REDIRECTS))

    def _rewritten_for_the_host(self, done: Rewritten) -> Shown | None:
        path = os.fsencode(done.path)
        if not path.startswith(b"/") or b".." in path.split(b"/"):
            raise UnclearRouteError(f"a rewrite makes {done.path[:80]!r}")
        self.query = done.query
        if done.through:
            self.uri = path
            return self._handled_by_program() or self._redirected(self.rules.both(*_REDIRECTS))
        first = b"/" + path.split(b"/")[1]
        literal = self.disk.is_directory(first) or self.disk.is_file(first)
        at = _at(path) if literal else self._in_root(path)
        return self._of_the_directory(at)

    def _rules_of(self, nodes: Nodes) -> list[Node]:
        """The rewrite rules, where they are switched on.

        Rules of other places are not inherited unless that is configured.
        """
        engine = next((node.args[0] for node in reversed(nodes) if node.name == "rewriteengine" and node.args), "off")
        if engine.lower() != "on" or self.final:
            return []
        if any(node.name == "rewriteoptions" and any("inherit" in arg.lower() for arg in node.args) for node in nodes):
            raise UnclearRouteError("RewriteOptions Inherit is not followed")
        return [node for node in nodes if node.name in {"rewritecond", "rewriterule"}]

    def _ended(self, done: Rewritten) -> Shown | None:
        self.final = self.final or done.final
        if done.ended == "redirect":
            target = done.path + (f"?{done.query}" if done.query else "")
            return Shown(ShownKind.REDIRECT, url=self._absolute(target))
        if done.ended == "program":
            return Shown(ShownKind.PROGRAM)
        return Shown(ShownKind.NOTHING) if done.ended else None

    def _handled_by_program(self) -> Shown | None:
        """What is shown when the request goes to another server or a program, whatever files exist."""
        path = os.fsdecode(self.uri)
        for node in self.rules.both(*_PROXIES):
            where = node.args[0] if node.args else ""
            hit = (
                search(where, path) is not None
                if node.name.endswith("match")
                else _alias_matches(where.rstrip("*"), path)
            )
            if hit and "!" in node.args:
                break
            if hit:
                return Shown(ShownKind.PROGRAM)
        for node in self._sections_around(path, {"location", "locationmatch"}):
            for inner in node.inner or ():
                if inner.name in _PROXIES or (
                    inner.name == "sethandler" and inner.args[0].lower() not in _PLAIN_HANDLERS
                ):
                    return Shown(ShownKind.PROGRAM)
                if inner.name in _ALIASES | _REDIRECTS | {"rewriterule", "forcetype"}:
                    raise UnclearRouteError(f"{inner.name} in a <Location>")
        return None

    def _sections_around(self, path: str, kinds: set[str]) -> Iterator[Node]:
        for node in self.rules.both(*kinds):
            where = [arg for arg in node.args if arg != "~"]
            pattern = node.name.endswith("match") or "~" in node.args
            if where and (search(where[0], path) if pattern else _location_matches(where[0], path)):
                yield node

    def _redirected(self, nodes: Iterator[Node] | Sequence[Node]) -> Shown | None:
        path = os.fsdecode(self.uri)
        for node in nodes:
            code, words = _redirect_words(node)
            if not words:
                continue
            to = words[1] if len(words) > 1 else ""
            if node.name == "redirectmatch":
                match = search(words[0], path)
                target = _filled(to, [match[0], *(group or "" for group in match.groups())]) if match else None
            else:
                target = to + path[len(words[0]) :] if _alias_matches(words[0], path) else None
            if target is None:
                continue
            if not code.startswith("3"):
                return Shown(ShownKind.NOTHING)
            query = f"?{self.query}" if self.query and "?" not in target else ""
            return Shown(ShownKind.REDIRECT, url=self._absolute(target) + query)
        return None

    def _mapped(self) -> ServedFrom | None:
        """The file for the path, whether it exists or not; None for a program (ScriptAlias)."""
        path = os.fsdecode(self.uri)
        for node in self.rules.both(*_ALIASES):
            if len(node.args) != 2:  # noqa: PLR2004 - path and directory
                continue
            where, to = node.args
            at = self._aliased(node.name, where, to)
            if at is not None:
                return None if node.name.startswith("script") else at
        return self._of_a_user(path) or self._in_root(self.uri)

    def _aliased(self, name: str, where: str, to: str) -> ServedFrom | None:
        path = os.fsdecode(self.uri)
        if name.endswith("match"):
            match = search(where, path)
            groups = [match[0], *(group or "" for group in match.groups())] if match else []
            return _at(os.fsencode(self.rules.absolute(_filled(to, groups)))) if match else None
        if not _alias_matches(where, path):
            return None
        rest, directory = os.fsencode(path[len(where) :]), os.fsencode(self.rules.absolute(to))
        if rest and not rest.startswith(b"/") and not directory.endswith(b"/"):
            raise UnclearRouteError(f"the alias {where} goes on in the middle of a name")
        return _below(directory, rest) if rest.strip(b"/") else _at(directory)

    def _in_root(self, path: bytes) -> ServedFrom:
        for node in self.rules.host:
            if node.name == "virtualdocumentroot" and node.args:
                return _below(os.fsencode(self._mass_root(node.args[0])), path)
        root = self.rules.document_root
        if not root:
            raise UnclearRouteError("no DocumentRoot is known")
        return _below(os.fsencode(root), path)

    def _mass_root(self, pattern: str) -> str:
        """The document root of a mass virtual host (mod_vhost_alias).

        `%0` is the host, `%2` its second part, `%-1` its last, `%2+` from there; `.M`: its letters.
        """
        host = self.asked.host
        labels = host.split(".")

        def piece(parts: Sequence[str], number: str, glue: str) -> str:
            if number == "0":
                return glue.join(parts)
            at, further = int(number.rstrip("+")), number.endswith("+")
            if abs(at) > len(parts):
                return "_"
            if further:
                return glue.join(parts[at - 1 :] if at > 0 else parts[: len(parts) + at + 1])
            return parts[at - 1] if at > 0 else parts[at]

        def value(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            if found[1] == "p":
                return str(self.asked.port)
            text = piece(labels, found[1], ".")
            text = piece(list(text), found[2], "") if found[2] else text
            if not _HARMLESS.fullmatch(text):
                raise UnclearRouteError(f"a directory with {text[:40]!r} of the host")
            return text

        return self.rules.absolute(re.sub(r"%(?:%|(p|-?\d+\+?)(?:\.(-?\d+\+?))?)", value, pattern))

    def _of_a_user(self, path: str) -> ServedFrom | None:
        """The directory of a user: `/~name/` (mod_userdir)."""
        found = re.match(r"/~([^/]+)(/.*)?$", path, re.DOTALL)
        modules = self.rules.dump.modules
        words = [node.args for node in self.rules.both("userdir")]
        if not found or (modules is not None and "userdir" not in modules) or not words:
            return None
        name, rest = found[1], found[2] or ""
        if not _HARMLESS.fullmatch(name) or ["disabled"] in [[word.lower() for word in each] for each in words]:
            return None
        off = {user for each in words if each[0].lower() == "disabled" for user in each[1:]}
        if name in off:
            return None
        for place in next((each for each in words if each[0].lower() not in {"disabled", "enabled"}), ()):
            if "://" in place:
                raise UnclearRouteError("UserDir sends to another server")
            directory = self._home(place, name)
            if directory and self.disk.is_directory(os.fsencode(directory)):
                return _below(os.fsencode(directory), os.fsencode(rest))
        return None

    def _home(self, place: str, name: str) -> str:
        if "*" in place:
            return place.replace("*", name)
        if place.startswith("/"):
            return os.path.join(place, name)
        try:
            return os.path.join(pwd.getpwnam(name).pw_dir, place)
        except KeyError:
            return ""

    # what counts for the directory

    def _of_the_directory(self, at: ServedFrom) -> Shown:
        path = os.path.join(at.directory, at.path) if at.path else at.directory
        self.filename = path
        self.wanted = self.wanted or at
        there = self._settings(path)
        if shown := self._rewritten_for_the_directory(there, path):
            return shown
        if shown := self._redirected(there.redirects):
            return shown
        if self.disk.is_directory(path):
            return self._of_a_folder(there, at)
        file = self._file_on_the_way(at, path, there)
        return file or self._absent(there, at)

    def _file_on_the_way(self, at: ServedFrom, path: bytes, there: _Directory) -> Shown | None:
        """The file, or a program on the path to which the rest of the path is passed."""
        if self.disk.is_file(path):
            if self.uri.endswith(b"/"):
                return Shown(ShownKind.PROGRAM, at) if self._is_program(there, path) else self._refused(there, at)
            return self._served(there, at, path)
        pieces = path.split(b"/")
        for count in range(len(pieces) - 1, 1, -1):
            above = b"/".join(pieces[:count])
            if self.disk.is_file(above):
                return Shown(ShownKind.PROGRAM, at) if self._is_program(there, above) else self._refused(there, at)
        return None

    def _served(self, there: _Directory, at: ServedFrom, path: bytes) -> Shown:
        if self._is_program(there, path):
            return Shown(ShownKind.FALLBACK if self.missing else ShownKind.PROGRAM, self.wanted)
        return Shown(ShownKind.FILE, at)

    def _is_program(self, there: _Directory, path: bytes) -> bool:
        name = os.fsdecode(os.path.basename(path))
        handler = there.handler
        for section in there.sections:
            if self._section_holds(section, name):
                for node in section.inner or ():
                    if node.name in {"sethandler", "forcetype"} and node.args:
                        handler = node.args[0]
                    elif node.name in {"rewriterule", "alias"} | _REDIRECTS:
                        raise UnclearRouteError(f"{node.name} in a <{section.name}>")
        if handler and handler.lower() not in _PLAIN_HANDLERS and _names_a_program(handler):
            return True
        words = [f".{word.lower()}" for word in name.split(".")[1:]]
        return any(word in there.suffixes for word in words) or path.lower().endswith(_SCRIPTS)

    def _section_holds(self, section: Node, name: str) -> bool:
        where = [arg for arg in section.args if arg != "~"]
        if section.name == "if":
            mapping = {"sethandler", "forcetype", "rewriterule", *_REDIRECTS, *_ALIASES}
            if any(node.name in mapping for node in section.inner or ()):
                raise UnclearRouteError("an <If> that changes what is shown")
            return False
        if section.name in {"location", "locationmatch"} or not where:
            return False
        if section.name == "filesmatch" or "~" in section.args:
            return search(where[0], name) is not None
        return fnmatch.fnmatchcase(name, where[0])

    def _of_a_folder(self, there: _Directory, at: ServedFrom) -> Shown:
        if not self.uri.endswith(b"/"):
            if not there.slash:
                raise UnclearRouteError("DirectorySlash off")
            query = f"?{self.query}" if self.query else ""
            return Shown(ShownKind.REDIRECT, at, self._absolute(quote(self.uri) + "/" + query))
        path = os.path.join(at.directory, at.path)
        if there.handler and there.handler.lower() not in _PLAIN_HANDLERS and _names_a_program(there.handler):
            return Shown(ShownKind.PROGRAM, at)
        for name in there.index:
            if name.lower() == "disabled":
                return Shown(ShownKind.NOTHING, at)
            if name.startswith("/"):
                return self._redirect_internally(os.fsencode(name))
            if self.disk.is_file(os.path.join(path, os.fsencode(name))):
                return self._redirect_internally(self.uri + os.fsencode(name))
            if there.multiviews and any(
                other.startswith(os.fsencode(name) + b".") for other in self.disk.names_in(path)
            ):
                raise UnclearRouteError("MultiViews chooses an index")
        if there.fallback and there.rewriting:
            raise UnclearRouteError("rules that may make an index, and a FallbackResource")
        return self._fallen_back(there, at) if there.fallback else Shown(ShownKind.NOTHING, at)

    def _absent(self, there: _Directory, at: ServedFrom) -> Shown:
        """What is shown for a missing file: MultiViews, FallbackResource, ErrorDocument."""
        path = os.path.join(at.directory, at.path)
        if there.multiviews and not self.uri.endswith(b"/"):
            start = os.path.basename(path) + b"."
            likes = [name for name in self.disk.names_in(os.path.dirname(path)) if name.startswith(start)]
            if len(likes) == 1:
                return self._redirect_internally(self.uri + likes[0][len(start) - 1 :], again=False)
            if likes:
                raise UnclearRouteError("MultiViews chooses among several files")
        return self._fallen_back(there, at) if there.fallback else self._refused(there, at)

    def _refused(self, there: _Directory, at: ServedFrom) -> Shown:
        """A 404, with the page that is shown for it."""
        if there.not_found.startswith("/") and not self.failing:
            self.failing, self.missing = True, True
            shown = self._redirect_internally(os.fsencode(there.not_found.partition("?")[0]))
            return (
                replace(shown, at=at)
                if shown.kind in {ShownKind.FALLBACK, ShownKind.PROGRAM}
                else Shown(ShownKind.NOTHING, at)
            )
        if re.match(r"https?://", there.not_found):
            return Shown(ShownKind.REDIRECT, at, there.not_found)
        return Shown(ShownKind.NOTHING, at)

    def _fallen_back(self, there: _Directory, at: ServedFrom) -> Shown:
        to = os.fsencode(there.fallback.partition("?")[0])
        if to == self.uri:
            return Shown(ShownKind.NOTHING, at)
        self.missing = True
        return self._redirect_internally(to)

    def _redirect_internally(self, path: bytes, *, again: bool = True) -> Shown:
        """An internal redirect; without `again` to another file of the same directory."""
        if not path.startswith(b"/"):
            path = os.path.join(os.path.dirname(self.uri) or b"/", path)
        self.uri = path
        if not again:
            at = self._mapped()
            if at is None:
                return Shown(ShownKind.PROGRAM)
            file = os.path.join(at.directory, at.path)
            return self._served(self._settings(file), at, file)
        return self.shown()

    def _rewritten_for_the_directory(self, there: _Directory, path: bytes) -> Shown | None:
        if not there.rewriting or self.final:
            return None
        folder = there.rewriting_at.rstrip(b"/") + b"/"
        below = path + (b"/" if self.uri.endswith(b"/") and not path.endswith(b"/") else b"")
        if not below.startswith(folder):
            return None  # a redirect to the folder itself comes first
        local = os.fsdecode(below[len(folder) :])
        done = Rewriting(there.rewriting, self._value, self.disk, self.choices).run(local, self.query)
        uri = os.fsdecode(self.uri)
        prefix = uri[: len(uri) - len(local)] if local and uri.endswith(local) else uri if not local else None
        if done.ended == "redirect" and not re.match(r"https?://|/", done.path):
            done = replace(done, path=self._based(there, prefix) + done.path)
        if ended := self._ended(done):
            return ended
        if not done.changed or (done.path == local and done.query == self.query):
            return None
        new = done.path if done.path.startswith("/") else self._based(there, prefix) + done.path
        if b".." in os.fsencode(new).split(b"/"):
            raise UnclearRouteError("a rewrite that leaves its root")
        if os.fsencode(new) == self.uri:
            self.query = done.query
            return None
        self.query = done.query
        if not self.disk.is_file(path):
            self.missing = True
        return self._redirect_internally(os.fsencode(new))

    def _based(self, there: _Directory, prefix: str | None) -> str:
        if there.base:
            return there.base.rstrip("/") + "/"
        if prefix is None or not self._plainly_mapped(there, prefix):
            raise UnclearRouteError("a rule without RewriteBase below an alias")
        return prefix

    def _plainly_mapped(self, there: _Directory, prefix: str) -> bool:
        try:
            plain = self._in_root(os.fsencode(prefix))
        except UnclearRouteError:
            return False
        return os.path.normpath(os.path.join(plain.directory, plain.path)) == os.path.normpath(there.rewriting_at)

    def _settings(self, path: bytes) -> _Directory:
        """The settings for the directory of a file.

        From the outermost directory to the one that holds the file: <Directory>, then .htaccess, of each.
        """
        folder = path if self.disk.is_directory(path) else os.path.dirname(path)
        there = _Directory()
        self._apply(there, [node for node in (*self.rules.main, *self.rules.host)
                            if node.name in _EVERYWHERE], b"")  # fmt: skip
        there.redirects = []
        sections = [
            node for node in (*self.rules.main, *self.rules.host) if node.name in {"directory", "directorymatch"}
        ]
        pieces = [piece for piece in folder.split(b"/") if piece]
        levels = [b"/" + b"/".join(pieces[:count]) for count in range(len(pieces) + 1)]
        for level in levels:
            for node in sections:
                if _directory_matches(node, os.fsdecode(level)):
                    self._apply(there, node.inner or (), level)
            if there.override.lower() != "none":
                self._apply_htaccess(there, level)
        for node in sections:
            pattern = _directory_pattern(node)
            if pattern and any(search(pattern, os.fsdecode(level) + end) for level in levels for end in ("", "/")):
                self._apply(there, node.inner or (), folder)
        there.sections += [node for node in (*self.rules.main, *self.rules.host) if node.name in _SECTIONS]
        there.path = folder
        return there

    def _apply_htaccess(self, there: _Directory, level: bytes) -> None:
        text = self.disk.text_of(os.path.join(level, b".htaccess"))
        if text is None:
            return
        dump = self.rules.dump
        nodes = ConfigReader(dump.defines, dump.server_root, dump.modules).text(_without_includes(text), ".htaccess")
        self._apply(there, nodes, level)

    def _apply(self, there: _Directory, nodes: Nodes, level: bytes) -> None:
        self._expect_followed(nodes)
        names = {node.name for node in nodes}
        if level and "rewriteengine" in names:
            there.rewriting, there.rewriting_at, there.base = self._rules_of(nodes), level, ""
        if level and any(node.name in _REDIRECTS for node in nodes):
            there.redirects = [*(node for node in nodes if node.name in _REDIRECTS), *there.redirects]
        if "directoryindex" in names:
            there.index = [arg for node in nodes if node.name == "directoryindex" for arg in node.args]
        for node in nodes:
            self._apply_one(there, node.name, node.args[0] if node.args else "", node.args)
        there.sections += [node for node in nodes if level and node.name in _SECTIONS]

    def _apply_one(self, there: _Directory, name: str, argument: str, args: Sequence[str]) -> None:  # noqa: C901 - a table
        match name:
            case "rewritebase":
                there.base = argument
            case "allowoverride":
                there.override = " ".join(args)
            case "options":
                self._options(there, args)
            case "directoryslash":
                there.slash = argument.lower() != "off"
            case "fallbackresource":
                there.fallback = "" if argument.lower() == "disabled" else argument
            case "sethandler" | "forcetype":
                there.handler = argument
            case "errordocument" if argument == "404" and len(args) > 1:
                there.not_found = args[1]
            case "addhandler" | "addtype" if _PROGRAM_TYPES.fullmatch(argument.lower()) or "script" in argument:
                there.suffixes |= {"." + word.lstrip(".").lower(): argument for word in args[1:]}
            case "removehandler" | "removetype":
                for word in args:
                    there.suffixes.pop("." + word.lstrip(".").lower(), None)

    def _options(self, there: _Directory, args: Sequence[str]) -> None:
        words = [arg.lower() for arg in args]
        if "multiviews" in words or "+multiviews" in words:
            there.multiviews = self.rules.dump.modules is None or "negotiation" in self.rules.dump.modules
        elif "-multiviews" in words or not all(word.startswith(("+", "-")) for word in words):
            there.multiviews = False

    def _expect_followed(self, nodes: Nodes) -> None:
        for node in nodes:
            if node.name in _UNFOLLOWED and [arg.lower() for arg in node.args] != ["off"]:
                raise UnclearRouteError(f"{node.name} is not followed")
            if node.name == TROUBLE and nodes is not self.rules.main:
                raise UnclearRouteError(node.args[0])

    # variables

    def _value(self, name: str) -> str:
        asked, path = self.asked, os.fsdecode(self.uri)
        if name.upper() in {"HTTP_ACCEPT", "HTTP:ACCEPT"}:
            return self.accept.value
        raw = asked.raw + (f"?{asked.query}" if asked.query else "")
        known = {
            "HTTP_HOST": asked.host, "SERVER_NAME": asked.host, "REQUEST_URI": path, "REQUEST_METHOD": "GET",
            "REQUEST_FILENAME": os.fsdecode(self.filename), "SCRIPT_FILENAME": os.fsdecode(self.filename),
            "QUERY_STRING": self.query, "SERVER_PORT": str(asked.port), "REQUEST_SCHEME": asked.scheme,
            "HTTPS": "on" if asked.scheme == "https" else "off", "DOCUMENT_ROOT": self.rules.document_root,
            "THE_REQUEST": f"GET {raw} HTTP/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_USER_AGENT": _AGENT, "HTTP_REFERER": "", "HTTP_COOKIE": "", "HTTP_FORWARDED": "",
            "ENV:REDIRECT_STATUS": "200" if self.turns > 1 else "", "PATH_INFO": "", "AUTH_TYPE": "", "REMOTE_USER": "",
            "HTTP:REFERER": "", "HTTP:COOKIE": "", "HTTP:AUTHORIZATION": "",
            "HTTP:X-REQUESTED-WITH": "", "HTTP:RANGE": "", "HTTP:HOST": asked.host, "HTTP:USER-AGENT": _AGENT,
            "ENV:HTTPS": "on" if asked.scheme == "https" else "", "CONTEXT_DOCUMENT_ROOT": self.rules.document_root,
        }  # fmt: skip
        found = known.get(name.upper())
        if found is None:
            raise UnknownValueError(name)
        return found

    def _absolute(self, url: str) -> str:
        if not url.startswith("/"):
            return url
        usual = {"http": 80, "https": 443}[self.asked.scheme]
        port = "" if self.asked.port == usual else f":{self.asked.port}"
        return f"{self.asked.scheme}://{self.asked.host}{port}{url}"


_EVERYWHERE = frozenset(
    {
        "directoryindex",
        "options",
        "sethandler",
        "addhandler",
        "addtype",
        "fallbackresource",
        "errordocument",
        "directoryslash",
    }
)


def _names_a_program(handler: str) -> bool:
    """Return whether a handler runs something; a forced content type does not."""
    return "/" not in handler or _PROGRAM_TYPES.fullmatch(handler.lower()) is not None


def _below(directory: bytes, path: bytes) -> ServedFrom:
    pieces = [piece for piece in path.split(b"/") if piece]
    if b".." in pieces:
        raise UnclearRouteError("a path that leaves its root")
    return ServedFrom(directory.rstrip(b"/") or b"/", b"/".join(pieces))


def _at(path: bytes) -> ServedFrom:
    """A whole path on disk, split into directory and name."""
    directory, name = os.path.split(path.rstrip(b"/") or b"/")
    return _below(directory, name)


def _alias_matches(where: str, path: str) -> bool:
    """Match an alias by whole names: `/icons` is not `/iconsx`; `/m/` is not `/m`."""
    return path.startswith(where) and (where.endswith("/") or path[len(where) :][:1] in {"", "/"})


def _location_matches(where: str, path: str) -> bool:
    if re.search(r"[*?\[]", where):
        return fnmatch.fnmatchcase(path, where)
    return path == where or path.startswith(where if where.endswith("/") else where + "/")


def _redirect_words(node: Node) -> tuple[str, list[str]]:
    words = list(node.args)
    code = {"redirectpermanent": "301", "redirecttemp": "302"}.get(node.name, "302")
    if words and (words[0].lower() in _CODES or words[0].isdigit()):
        first = words.pop(0).lower()
        code = _CODES.get(first, first)
    return code, words


def _filled(text: str, groups: Sequence[str]) -> str:
    def value(found: re.Match[str]) -> str:
        number = int(found[1])
        return groups[number] if number < len(groups) else ""

    return re.sub(r"\$(\d)", value, text)


def _directory_pattern(node: Node) -> str:
    where = [arg for arg in node.args if arg != "~"]
    return where[0] if where and (node.name == "directorymatch" or "~" in node.args) else ""


def _directory_matches(node: Node, level: str) -> bool:
    where = node.args[0].rstrip("/") if node.args else ""
    if node.name != "directory" or "~" in node.args:
        return False
    if re.search(r"[*?\[]", where):
        return where.count("/") == level.count("/") and fnmatch.fnmatchcase(level, where)
    return (where or "/") == level


def _without_includes(text: str) -> str:
    """The directives without includes: a customer's own file may include no other."""
    return re.sub(r"(?im)^\s*Include(?:Optional)?\s", "# ", text)
