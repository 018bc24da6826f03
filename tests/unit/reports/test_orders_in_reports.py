"""Orders that a person executed count as orders, and what is confidential stays out of what is handed on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.assembly.services import Services
from goodhoster.model.cases import CaseState
from goodhoster.model.notice_status import Decided, DecisionVerb, Notice, NoticeState, Receipt
from goodhoster.model.notices import Carrier, NoticeFormat, ReadNotice, RemovalOrder, TrustFinding, TrustLevel
from goodhoster.reports.removals import ORDER, OTHERS, TRUSTED, kind_of_sender
from goodhoster.settings import load
from goodhoster.testing.suites.case_store import NOON, a_case
from goodhoster_agent.cli import app

BY_EVA = Decided(DecisionVerb.CONFIRMED, "eva", "telephoned them", NOON)
UNPROVEN, PINNED, AUTHORITY = TrustLevel.UNAUTHENTICATED, TrustLevel.PINNED, TrustLevel.AUTHORITY
AN_ORDER = RemovalOrder("ATKM")


def notice(name: str, order: RemovalOrder | None, level: TrustLevel, decided: Decided | None = None) -> Notice:
    read = ReadNotice(NoticeFormat.REMOVAL_ORDER if order else NoticeFormat.URL_LIST, order=order)
    receipt = Receipt(name, NOON, Carrier.MAIL, b"")
    return Notice(receipt, NoticeState.DONE, read, TrustFinding(level), decided=decided)


@pytest.mark.parametrize(
    ("order", "level", "decided", "kind"),
    [
        (AN_ORDER, AUTHORITY, None, ORDER),
        (AN_ORDER, UNPROVEN, BY_EVA, ORDER),
        (AN_ORDER, UNPROVEN, None, OTHERS),
        (AN_ORDER, UNPROVEN, replace(BY_EVA, done=False), OTHERS),
        (AN_ORDER, UNPROVEN, replace(BY_EVA, verb=DecisionVerb.DISMISSED), OTHERS),
        (None, UNPROVEN, BY_EVA, OTHERS),
        (None, PINNED, BY_EVA, TRUSTED),
        (None, AUTHORITY, BY_EVA, ORDER),
    ],
)
def test_an_order_counts_as_one_once_it_is_proven_or_a_person_executed_it(
    order: RemovalOrder | None, level: TrustLevel, decided: Decided | None, kind: str
) -> None:
    assert kind_of_sender(notice("N1", order, level, decided)) == kind


def test_cases_of_confidential_orders_are_withheld_from_the_eu_database_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    (tmp_path / "state").mkdir(mode=0o700)
    secret = notice("N2", replace(AN_ORDER, confidential=True), UNPROVEN, BY_EVA)
    with Services(load(file)) as services:
        for each in (notice("N1", AN_ORDER, UNPROVEN, BY_EVA), secret, notice("N3", None, UNPROVEN, BY_EVA)):
            services.notices.store.add(each)
        for case_id, cause in {"c1": "N1", "c2": "N2", "c3": "N3", "c4": "", "c5": "N-lost"}.items():
            case = a_case(case_id, path=b"anna/" + case_id.encode())
            services.case_store.add(replace(case, state=CaseState.OFFLINE, notice=cause, notifier=""))

    done = CliRunner().invoke(app, ["report", "eu-database", "--config", str(file)])

    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["puid"]: record["source_type"] for record in records} == {
        "c1": "SOURCE_TYPE_OTHER_NOTIFICATION",
        "c3": "SOURCE_ARTICLE_16",
        "c4": "SOURCE_VOLUNTARY",
    }
    assert "withheld: 2 cases whose notice is confidential, or not on record" in done.stderr
    assert "c2" not in done.output
