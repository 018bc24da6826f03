"""The authority's file: which measures are in force, since when, and the proof. Pure.

"Appropriate measures" as an authority asks for them: technical ones from audit log and configuration, the others from
the file of proofs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from goodhoster.reports.conduct import TEXTS, Installation, NormId
from goodhoster.reports.documents import Document, Table, Tile, period_as_object
from goodhoster.reports.facts import Facts
from goodhoster.reports.proofs import Proofs


@dataclass(frozen=True, slots=True)
class MeasureInForce:
    """One measure."""

    measure: str
    kind: str
    """`technical` or `organisational`."""
    in_force: bool | None
    """None: nobody can tell from what is here."""
    since: str | None
    proof: str


def measures_document(facts: Facts, installation: Installation, proofs: Proofs) -> Document:
    """The file."""
    measures = [*_technical(facts, installation), *_organisational(facts, proofs)]
    columns = ("measure", "kind", "in_force", "since", "proof")
    words = {True: "yes", False: "no", None: None}
    rows = [(each.measure, each.kind, words[each.in_force], each.since, each.proof) for each in measures]
    data = period_as_object(facts.period, facts.now) | {
        "measures": [
            {"measure": m.measure, "kind": m.kind, "in_force": m.in_force, "since": m.since, "proof": m.proof}
            for m in measures
        ]
    }
    return Document(
        name="measures",
        title="Measures against known child sexual abuse material",
        data=data,
        tiles=(Tile("In force", f"{sum(m.in_force is True for m in measures)} of {len(measures)}"),),
        tables=(Table("Measures", columns, rows),),
        notes=(
            "Since: when the audit log has it for the first time, or what the file of proofs says.",
            "The entries that are named can be proven to anybody: goodhoster audit export, and verify.py.",
        ),
    )


def _technical(facts: Facts, installation: Installation) -> Iterator[MeasureInForce]:
    enforcing, doing = installation.enforcing, "daemon.started.enforce"
    yield _logged(facts, "uploads are watched and checked by hash", "daemon.started.", installation.sources > 0)
    yield _logged(facts, "known material goes offline at once", doing, enforcing)
    yield _logged(facts, "measures were taken, and verified", "measure.done", None)
    yield _logged(facts, "notices are taken in and acted on in time", "notice.received", bool(installation.ways_in))
    yield _logged(facts, "own lists of hashes", "list.imported", None)
    yield _logged(facts, "harmless contents are exempt", "exemption.built", None)
    yield _logged(facts, "a wrong list is braked (storm)", doing, enforcing)
    yield _logged(facts, "checks are counted daily, outcomes compared", "checks.counted", None)


def _logged(facts: Facts, measure: str, kind: str, in_force: bool | None) -> MeasureInForce:  # noqa: FBT001 - yes, no, or nobody knows
    found = [
        where for name, where in facts.first.items() if name == kind or (kind.endswith(".") and name.startswith(kind))
    ]
    if not found:
        why = "the audit log has nothing of it yet"
        return MeasureInForce(measure, "technical", False if in_force is None else in_force, None, why)
    at, entry = min(found)
    standing = True if in_force is None else in_force
    return MeasureInForce(measure, "technical", standing, f"{at:%Y-%m-%d}", f"entry {entry} of the audit log")


def _organisational(facts: Facts, proofs: Proofs) -> Iterator[MeasureInForce]:
    today = facts.now.date()
    for norm in (NormId.KNOW_CUSTOMERS, NormId.AGREEMENTS, NormId.CONSEQUENCES, NormId.CONTRIBUTION, NormId.MEMBERSHIP):
        text = TEXTS[norm][1]
        found = proofs.of(norm)
        if not found:
            yield MeasureInForce(text, "organisational", None, None, "no proof")
        for proof in found:
            lasts = not (proof.expires and proof.expires <= today) and not (proof.since and proof.since > today)
            since = proof.since.isoformat() if proof.since else None
            yield MeasureInForce(text, "organisational", lasts, since, f"{proof.what} {proof.reference}".strip())
