"""Demands on the case desk about the files that one item of a notice leads to.

Whatever goes with the file that the notice names is asked for in the notice's own right, one demand a customer. What a
person must decide about (the same bytes at many customers, a size by its name alone) is a demand of its own, so that
the notice does not wait for it and a person's decision about the notice does not take it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from goodhoster.cases.noticed_contents import may_be_copy
from goodhoster.model.digests import Algorithm
from goodhoster.model.notices import FoundBy
from goodhoster.model.uploads import Place
from goodhoster.policy.notices import STAYS, CopyDecision, CopyFacts, decide_copy, look_alike
from goodhoster.ports import CaseQuery, CaseStore
from goodhoster.takedowns.demands import Demand, Grounds, NamedFile


@dataclass(frozen=True, slots=True)
class CopyDemands:
    """The demands of one item."""

    follow: tuple[Demand, ...] = ()
    """What the notice asks for."""
    held: tuple[Demand, ...] = ()
    """Copies about which a person decides."""


def demands_for(named: Sequence[NamedFile], grounds: Grounds, store: CaseStore, storm_customers: int) -> CopyDemands:
    """Group the files by customer, the one that the URL shows first.

    A place may be twice in `named`.
    """
    by_place: dict[Place, NamedFile] = {}
    for file in named:
        by_place.setdefault(file.upload.place, file)
    copies = _Copies(by_place, store, storm_customers)
    follow: dict[str, list[NamedFile]] = defaultdict(list)
    held: dict[tuple[str, str], list[NamedFile]] = defaultdict(list)
    for file in by_place.values():
        decision = copies.decision(file)
        if decision.follows:
            follow[file.upload.customer].append(file)
        elif decision.held:
            held[file.upload.customer, decision.held].append(file)
    return CopyDemands(
        tuple(Demand(files, grounds) for files in follow.values()),
        tuple(Demand(files, _also_because(grounds, why)) for (_, why), files in held.items()),
    )


def _also_because(grounds: Grounds, why: str) -> Grounds:
    return replace(grounds, doubt="; ".join(filter(None, (grounds.doubt, why))))


@dataclass(frozen=True, slots=True)
class _Copies:
    named: Mapping[Place, NamedFile]
    store: CaseStore
    storm_customers: int
    known: dict[bytes, int] = field(default_factory=dict)
    """Customers by the bytes that were counted already."""

    def decision(self, file: NamedFile) -> CopyDecision:
        """Decision about a file; a copy of what does not follow does not either."""
        original = self.named.get(file.original) if file.original else None
        if file.found_by in {FoundBy.SAME_CONTENT, FoundBy.SAME_FILE} and original is not None:
            of_original = self.decision(original)
            if not of_original.follows:
                return of_original if original.upload.customer == file.upload.customer else STAYS
        return decide_copy(self._facts(file, original), self.storm_customers)

    def _facts(self, file: NamedFile, original: NamedFile | None) -> CopyFacts:
        if file.found_by is FoundBy.URL:
            first = next(iter(self.named.values())) is file
            return CopyFacts(FoundBy.URL, media=True, exempt=bool(file.verdict.exemption) and not first)
        fingerprints = original.fingerprints if original else ()
        same_customer = original is None or original.upload.customer == file.upload.customer
        return CopyFacts(
            file.found_by,
            media=_is_media(file),
            exempt=bool(file.verdict.exemption),
            same_customer=same_customer,
            customers=1 if same_customer else self._customers_of(file),
            looks_alike=look_alike(fingerprints, file.fingerprints),
        )

    def _customers_of(self, file: NamedFile) -> int:
        """Number of customers with these bytes now, or when they went offline."""
        sha256 = file.digests.sha256
        if sha256 not in self.known:
            lying = {other.upload.customer for other in self.named.values() if other.digests.sha256 == sha256}
            cases = self.store.find(CaseQuery(digest=file.digests.of(Algorithm.SHA256)))
            self.known[sha256] = len(lying | {upload.customer for case in cases for upload in case.uploads})
        return self.known[sha256]


def _is_media(file: NamedFile) -> bool:
    """Whether it is a picture, video or archive, neither empty nor a page or program by name."""
    return may_be_copy(file.upload.place, file.upload.state.size, picture=file.picture)
