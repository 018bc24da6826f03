"""Other sizes of a picture that went offline.

A hash service knows the picture, and seldom what a CMS makes of it (`p-300x200.jpg`), which is what pages show. Their
names tell; a name proves nothing, so such a file is near and waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterator

from goodhoster.cases.desk import CaseDesk
from goodhoster.model.cases import UNDECIDED, Case, CaseState
from goodhoster.model.image_sizes import are_sizes
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import OTHER_SIZE, Category, Match
from goodhoster.ports import CaseQuery, CaseStore

_SOURCE = "other-sizes"
"""As the source of such a match: this host itself."""


def match_by_name(store: CaseStore, place: Place) -> Match | None:
    """The match that the name of that file gives; None where no other size of it is offline."""
    case = next(_offline_beside(store, place), None)
    if case is None:
        return None
    categories = [match.category for match in case.matches if not match.near]
    return Match(_SOURCE, OTHER_SIZE, next(iter(categories), Category.UNSPECIFIED), distance=1)


def withdraw_by_name(desk: CaseDesk, place: Place) -> None:
    """Withdraw the held cases of other sizes of the picture that is back at that place.

    Of other sizes nobody says anything any more, and they wait for nobody.
    """
    with desk.session() as session:
        for case in session.find(CaseQuery(beside=place)):
            if case.state in UNDECIDED and _by_name_alone(case) and not match_by_name(desk.store, case.upload.place):
                session.withdraw(case)


def _by_name_alone(case: Case) -> bool:
    return bool(case.matches) and all(match.algorithm == OTHER_SIZE for match in case.matches)


def _offline_beside(store: CaseStore, place: Place) -> Iterator[Case]:
    for case in store.find(CaseQuery(beside=place)):
        if case.state is CaseState.OFFLINE and any(are_sizes(place, each.place) for each in case.uploads):
            yield case
