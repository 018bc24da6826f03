"""What a site would show for a path: a file, something made by a program, or something that is not certain."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from goodhoster.errors import NoPlaceError, UnclearRouteError
from goodhoster.locating.routes import ServedFrom, choose, served_from
from goodhoster.locating.site_map import Answering
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.locating.urls import WebAddress
from goodhoster.model.notices import FoundBy, LocatedFile, Location, Outcome, Site
from goodhoster.model.uploads import Place, Upload

_PAGES = (b".html", b".htm", b".xhtml", b".xht", b".shtml")
_PROGRAMS = (b".php", b".phtml", b".phar", b".cgi", b".pl", b".py", b".rb", b".asp", b".aspx", b".jsp")
_INDEXES = (b"index.html", b"index.htm")
_MADE_BY_PROGRAMS = frozenset({"missing", "directory"})
"""Ours, but not a file: perhaps a program answers, perhaps nothing is there. From outside that can be seen."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Follows a web server's own way from a path to a file."""

    resolver: TreeResolver

    def show(self, address: WebAddress, answering: Answering) -> Location:
        """What this site shows for the address: a FILE (only that one), DYNAMIC or AMBIGUOUS."""
        found = [self._path(path, address, answering) for path in address.paths]
        return next((location for location in found if location.outcome is Outcome.FILE), found[0])

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
            return Location(Outcome.AMBIGUOUS, address.href, site.customer, reason="route", detail=str(error))
        except NoPlaceError as error:
            if error.reason in _MADE_BY_PROGRAMS:
                return replace(self._dynamic(address, site, error.reason, str(error)), place=place)
            return Location(Outcome.AMBIGUOUS, address.href, site.customer, reason=error.reason, detail=str(error))
        return Location(
            Outcome.FILE,
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
        return Location(Outcome.DYNAMIC, address.href, customer, reason=reason, detail=detail)

    def _owner(self, site: Site) -> str:
        """Whose tree the site's files are in; empty where that cannot be told."""
        for directory in (route.directory for route in site.routes if route.directory):
            try:
                return self.resolver.customer_of(self.resolver.place_of(ServedFrom(directory, b"any")))
            except NoPlaceError:
                continue
        return ""
