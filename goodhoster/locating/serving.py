"""What a site shows for a path: a file, the output of a program, or something uncertain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from goodhoster.errors import NoPlaceError, UnclearRouteError
from goodhoster.locating.disk import Disk
from goodhoster.locating.routes import choose, served_from
from goodhoster.locating.site_map import Answering
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.locating.urls import WebAddress
from goodhoster.model.content_kinds import named_as_picture
from goodhoster.model.notices import FoundBy, LocatedFile, Location, LocationKind, Site
from goodhoster.model.site_rules import ServedFrom, Shown, ShownKind, SiteRequest, SiteRules
from goodhoster.model.uploads import Place, Upload

_PAGES = (b".html", b".htm", b".xhtml", b".xht", b".shtml")
_PROGRAMS = (b".php", b".phtml", b".phar", b".cgi", b".pl", b".py", b".rb", b".asp", b".aspx", b".jsp")
_INDEXES = (b"index.html", b"index.htm")
_MADE_BY_PROGRAMS = frozenset({"missing", "directory"})
"""Ours, but not a file: perhaps a program answers, perhaps nothing is there. From outside that can be seen."""


_DISK = Disk()


@dataclass(frozen=True, slots=True)
class RedirectsTo:
    """Redirect by the site."""

    url: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Resolution of a path to a file as the web server does it."""

    resolver: TreeResolver
    disk: Disk = _DISK

    def show(self, address: WebAddress, answering: Answering) -> Location | RedirectsTo:
        """What this site shows for the address: FILE, DYNAMIC or AMBIGUOUS.

        For FILE, what a browser gets for it.
        """
        found = [self._shown(path, address, answering) for path in address.paths]
        files = (one for one in found if isinstance(one, Location) and one.outcome is LocationKind.FILE)
        return next(files, found[0])

    def _shown(self, path: bytes, address: WebAddress, answering: Answering) -> Location | RedirectsTo:
        rules = answering.site.rules
        return self._by_rules(rules, path, address, answering) if rules else self._path(path, address, answering)

    def _by_rules(
        self, rules: SiteRules, path: bytes, address: WebAddress, answering: Answering
    ) -> Location | RedirectsTo:
        """Answer as the site's own web server would."""
        site = answering.site
        scheme = address.href.partition(":")[0]
        asked = SiteRequest(scheme, address.host, address.port, path, address.query, address.path, answering.variables)
        try:
            shown = rules.shown(asked, self.disk)
            files = [one.at for one in shown if one.kind is ShownKind.FILE and one.at]
            if files:
                return self._files(files, address, site)
            if shown[0].kind is ShownKind.REDIRECT:
                return RedirectsTo(shown[0].url)
            return self._no_file(shown[0], path, address, site)
        except UnclearRouteError as error:
            return Location(LocationKind.AMBIGUOUS, address.href, site.customer, reason="route", detail=str(error))
        except NoPlaceError as error:
            return Location(LocationKind.AMBIGUOUS, address.href, site.customer, reason=error.reason, detail=str(error))

    def _files(self, files: Sequence[ServedFrom], address: WebAddress, site: Site) -> Location:
        uploads = [self.resolver.upload_at(self.resolver.place_of(at)) for at in files]
        first = uploads[0]
        return Location(
            LocationKind.FILE,
            address.href,
            site.customer or first.customer,
            tuple(LocatedFile(upload, FoundBy.URL) for upload in uploads),
            first.place,
            page=first.place.path.lower().endswith(_PAGES),
        )

    def _no_file(self, shown: Shown, path: bytes, address: WebAddress, site: Site) -> Location:
        """Result where there is no file: a program.

        Where it only steps in for a file that is missing, and that is a picture's, the file has vanished.
        """
        if shown.at is None or shown.kind is ShownKind.PROGRAM:
            return self._dynamic(address, site, "program", "a program answers there")
        vanished = shown.kind is ShownKind.NOTHING or named_as_picture(path)
        reason, detail = ("missing", "there is no such file") if vanished else ("program", "a program answers there")
        return replace(self._dynamic(address, site, reason, detail), place=self.resolver.place_of(shown.at))

    def _path(self, path: bytes, address: WebAddress, answering: Answering) -> Location:
        site, place = answering.site, None
        try:
            route = choose(site.routes, os.fsdecode(path))
            served = served_from(route, path, answering.variables) if route else None
            if served is None or served.path.lower().endswith(_PROGRAMS):
                return self._dynamic(address, site, "program", "a program answers there")
            place = self.resolver.place_of(served)
            upload = self._upload(place)
            if path.endswith(b"/") and upload.place == place:
                raise NoPlaceError(f"{place} is a file, and the address goes on with a slash", reason="missing")
        except UnclearRouteError as error:
            return Location(LocationKind.AMBIGUOUS, address.href, site.customer, reason="route", detail=str(error))
        except NoPlaceError as error:
            if error.reason in _MADE_BY_PROGRAMS:
                return replace(self._dynamic(address, site, error.reason, str(error)), place=place)
            return Location(LocationKind.AMBIGUOUS, address.href, site.customer, reason=error.reason, detail=str(error))
        return Location(
            LocationKind.FILE,
            address.href,
            site.customer or upload.customer,
            (LocatedFile(upload, FoundBy.URL),),
            upload.place,
            page=upload.place.path.lower().endswith(_PAGES),
        )

    def _upload(self, place: Place) -> Upload:
        """The file at a place, or the page that stands for a directory there."""
        try:
            return self.resolver.upload_at(place)
        except NoPlaceError as error:
            if error.reason != "directory":
                raise
        for name in _INDEXES:
            try:
                return self.resolver.upload_at(Place(place.tree, os.path.join(place.path, name)))
            except NoPlaceError as error:
                if error.reason not in _MADE_BY_PROGRAMS:
                    raise
        raise NoPlaceError(f"{place} is a directory without a page of its own", reason="directory")

    def _dynamic(self, address: WebAddress, site: Site, reason: str, detail: str) -> Location:
        customer = site.customer or self._owner(site)
        return Location(LocationKind.DYNAMIC, address.href, customer, reason=reason, detail=detail)

    def _owner(self, site: Site) -> str:
        """Owner of the tree that the site's files are in; empty where that cannot be told."""
        for directory in (route.directory for route in site.routes if route.directory):
            try:
                return self.resolver.customer_of(self.resolver.place_of(ServedFrom(directory, b"any")))
            except NoPlaceError:
                continue
        return ""
