"""Mails that a forwarder changed and sealed (ARC): believed only for a pinned forwarder's newest seal, and only for
what it says itself of the notifier's signature.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.model.notices import Forwarder, Notifier, NotifierCaps, NotifierKind, SeenMail, TrustFinding, TrustLevel
from goodhoster.notices.sender.dkim_evaluation import TrustContext
from goodhoster.notices.sender.forwarding import ForwarderCheck
from goodhoster.notices.sender.trust import Trust
from goodhoster.testing.forwarding import SIGNED, ArcSet, sealed
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster.testing.signed_mail import MailSigner
from tests.unit.notices.sender.test_trust import MAIL

pytestmark = pytest.mark.debian("openssl")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOTLINE = MailSigner.ed25519("hotline.example")
PASS = ArcSet()
FOOTER = b"-- \r\npassed on by the helpdesk\r\n"
SECOND = ArcSet(instance=2, verdict="pass")


@pytest.fixture(scope="module")
def helpdesk() -> MailSigner:
    return MailSigner.rsa("helpdesk.example", 2048)


@pytest.fixture(scope="module")
def elsewhere() -> MailSigner:
    return MailSigner.rsa("elsewhere.example", 2048)


class Desk:
    def __init__(
        self, *signers: MailSigner, forwarders: tuple[Forwarder, ...] = (Forwarder("helpdesk.example"),)
    ) -> None:
        self.keys = MemoryKeyRecords({signer.name: signer.record for signer in (HOTLINE, *signers)})
        hotline = Notifier(
            "hotline",
            "Hotline",
            NotifierKind.HOTLINE,
            ("hotline.example",),
            86400,
            automatic=True,
            caps=NotifierCaps(9, 9),
        )
        self.context = TrustContext([hotline], self.keys, MemorySeenMails(), forwarders=forwarders)
        self.trust = Trust(self.context, [ForwarderCheck(self.context)])
        self._receipts = itertools.count(1)

    def judge(self, raw: bytes, after: timedelta = timedelta(0)) -> TrustFinding:
        return self.trust.of_mail(raw, SeenMail(f"r{next(self._receipts)}", NOON + after)).trust


@pytest.fixture
def desk(helpdesk: MailSigner, elsewhere: MailSigner) -> Desk:
    return Desk(helpdesk, elsewhere)


def changed() -> bytes:
    """The hotline's mail as the helpdesk passes it on: its signature does not match any more."""
    return HOTLINE.sign(MAIL) + FOOTER


def failed(finding: TrustFinding) -> list[str]:
    """Beside the signature, which does not match any more."""
    assert (finding.level, finding.notifier) == (TrustLevel.UNAUTHENTICATED, "")
    return [rule.name for rule in finding.rules if not rule.passed and not rule.name.startswith("dkim.")]


def test_sealed_by_a_pinned_forwarder_is_believed_and_every_rule_is_told(desk: Desk, helpdesk: MailSigner) -> None:
    finding = desk.judge(sealed(helpdesk, changed()))
    assert (finding.level, finding.notifier, finding.proof) == (TrustLevel.PINNED, "hotline", "arc"), finding.rules
    assert [rule.name for rule in finding.rules] == [
        "mail.clear",
        "mail.headers-once",
        "mail.one-author",
        "arc.forwarder",
        "arc.whole-body",
        "arc.headers",
        "arc.encoding",
        "arc.algorithm",
        "arc.key",
        "arc.strong-key",
        "arc.earnest",
        "arc.chain",
        "arc.results",
        "notifier.registered",
        "mail.first-time",
    ]
    assert all(rule.passed and rule.why for rule in finding.rules)


def test_the_second_of_a_chain_that_held(desk: Desk, helpdesk: MailSigner, elsewhere: MailSigner) -> None:
    raw = sealed(helpdesk, sealed(elsewhere, HOTLINE.sign(MAIL)) + FOOTER, SECOND)
    assert (desk.judge(raw).level, desk.judge(raw).proof) == (TrustLevel.PINNED, "arc")


def test_pinned_keys_are_used_alone(helpdesk: MailSigner) -> None:
    desk = Desk(forwarders=(Forwarder("helpdesk.example", (helpdesk.pinned,)),))
    assert desk.judge(sealed(helpdesk, changed())).proof == "arc"
    other = MailSigner.rsa("helpdesk.example", 2048, selector="other")
    desk.keys.records[other.name] = other.record
    assert failed(desk.judge(sealed(other, changed()))) == ["arc.key"]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (replace(PASS, results="dkim=fail header.d=hotline.example"), "arc.results"),
        (replace(PASS, results="dkim=pass header.d=elsewhere.example"), "arc.results"),
        (replace(PASS, results="spf=pass smtp.mailfrom=hotline.example"), "arc.results"),
        (replace(PASS, results=f'spf=pass smtp.mailfrom="a; {PASS.results}; b"@x.example'), "arc.results"),
        (replace(PASS, results=f"spf=pass (a (b) ; {PASS.results}; c)"), "arc.results"),
        (replace(PASS, results=f"spf=pass (a ; {PASS.results}"), "arc.results"),
        (replace(PASS, more="l=0; "), "arc.whole-body"),
        (replace(PASS, headers=("From",)), "arc.headers"),
        (replace(PASS, headers=tuple(name for name in SIGNED if name != "Message-ID")), "arc.headers"),
        (replace(PASS, verdict="pass"), "arc.chain"),
        (replace(PASS, verdict="fail"), "arc.chain"),
    ],
)  # fmt: skip
def test_a_seal_that_does_not_say_enough(helpdesk: MailSigner, desk: Desk, written: ArcSet, rule: str) -> None:
    assert failed(desk.judge(sealed(helpdesk, changed(), written))) == [rule]


CHANGED_AFTER: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "body": (lambda raw: raw + b"http://victim.example/\r\n", "arc.chain"),
    "url": (lambda raw: raw.replace(b"anna.example", b"bert.example"), "arc.chain"),
    "subject": (lambda raw: raw.replace(b"[M0123456789]", b"[M9999999999]"), "arc.chain"),
    "message-id": (lambda raw: raw.replace(b"<n1@", b"<n2@"), "arc.chain"),
    "results": (lambda raw: raw.replace(b"mx.helpdesk.example;", b"mx.helpdesk.example; spf=pass;"), "arc.chain"),
    "second-set-of-the-same-number": (lambda raw: b"ARC-Seal: i=1; a=x\r\n" + raw, "arc.chain"),
    "seal-of-another-set": (lambda raw: raw.replace(b"ARC-Seal: i=1;", b"ARC-Seal: i=2;"), "arc.chain"),
    "first-set-missing": (lambda raw: raw.replace(b"i=1;", b"i=2;"), "arc.chain"),
    "number-out-of-reach": (lambda raw: raw.replace(b"i=1;", b"i=11;"), "arc.chain"),
}  # fmt: skip


@pytest.mark.parametrize("trap", CHANGED_AFTER)
def test_changed_after_sealing(desk: Desk, helpdesk: MailSigner, trap: str) -> None:
    change, rule = CHANGED_AFTER[trap]
    raw = sealed(helpdesk, changed())
    assert change(raw) != raw
    assert failed(desk.judge(change(raw))) == [rule]


def test_results_of_an_earlier_set_by_somebody_else(desk: Desk, helpdesk: MailSigner, elsewhere: MailSigner) -> None:
    """Whoever seals first may write anything; the pinned forwarder itself found no signature that matched."""
    raw = sealed(elsewhere, changed())
    assert failed(desk.judge(sealed(helpdesk, raw, replace(SECOND, results="dkim=none; arc=pass")))) == ["arc.results"]


def test_a_chain_that_is_broken_below_the_pinned_seal(desk: Desk, helpdesk: MailSigner, elsewhere: MailSigner) -> None:
    broken = sealed(elsewhere, changed()).replace(
        b"mx.elsewhere.example; dkim=pass", b"mx.elsewhere.example; dkim=fail"
    )
    assert failed(desk.judge(sealed(helpdesk, broken, SECOND))) == ["arc.chain"]
    said = sealed(helpdesk, broken, replace(SECOND, verdict="fail"))
    assert failed(desk.judge(said)) == ["arc.chain"]


def test_a_seal_on_top_of_the_pinned_one(desk: Desk, helpdesk: MailSigner, elsewhere: MailSigner) -> None:
    assert failed(desk.judge(sealed(elsewhere, sealed(helpdesk, changed()), SECOND))) == ["arc.forwarder"]


def test_a_seal_of_somebody_who_is_not_pinned(desk: Desk, elsewhere: MailSigner) -> None:
    assert failed(desk.judge(sealed(elsewhere, changed()))) == ["arc.forwarder"]
    below = MailSigner("sub.helpdesk.example", "rsa", elsewhere.algorithm, elsewhere.private, elsewhere.record)
    assert failed(desk.judge(sealed(below, changed()))) == ["arc.forwarder"]


def test_the_name_of_a_pinned_forwarder_over_a_key_of_ones_own(desk: Desk, elsewhere: MailSigner) -> None:
    forged = MailSigner("helpdesk.example", "rsa", elsewhere.algorithm, elsewhere.private, elsewhere.record)
    assert failed(desk.judge(sealed(forged, changed()))) == ["arc.chain"]


def test_an_author_whom_the_forwarder_put_there(desk: Desk, helpdesk: MailSigner) -> None:
    raw = changed().replace(b"ntd@mail.hotline.example", b"ntd@mail.other.example")
    assert failed(desk.judge(sealed(helpdesk, raw))) == ["arc.results"]


def test_a_notifier_that_nobody_registered(desk: Desk, helpdesk: MailSigner) -> None:
    raw = changed().replace(b"ntd@mail.hotline.example", b"ntd@other.example")
    assert failed(desk.judge(sealed(helpdesk, raw, ArcSet("dkim=pass header.d=other.example")))) == [
        "notifier.registered"
    ]


def test_a_weak_key_and_one_on_trial(desk: Desk, helpdesk: MailSigner) -> None:
    weak = MailSigner.rsa("helpdesk.example", 1024, selector="weak")
    desk.keys.records[weak.name] = weak.record
    assert failed(desk.judge(sealed(weak, changed()))) == ["arc.strong-key"]
    desk.keys.records[helpdesk.name] = helpdesk.record.replace("k=rsa;", "k=rsa; t=y;")
    assert failed(desk.judge(sealed(helpdesk, changed()))) == ["arc.earnest"]
    del desk.keys.records[helpdesk.name]
    assert failed(desk.judge(sealed(helpdesk, changed()))) == ["arc.key"]


def test_no_name_server_may_be_better_next_time(desk: Desk, helpdesk: MailSigner) -> None:
    raw = sealed(helpdesk, changed())
    desk.keys.down = True
    assert desk.judge(raw).passing
    desk.keys.down = False
    assert desk.judge(raw).proof == "arc"


LATER = timedelta(days=2)


@pytest.mark.parametrize("first", ["forwarded", "direct"])
@pytest.mark.parametrize("second", ["forwarded", "direct"])
def test_a_replay_is_not_believed_whichever_way_it_comes(
    desk: Desk, helpdesk: MailSigner, first: str, second: str
) -> None:
    """Whoever has an old mail of the hotline sends it to the helpdesk, which writes another footer below each."""
    ways = {"direct": HOTLINE.sign(MAIL), "forwarded": sealed(helpdesk, changed())}
    again = {"direct": ways["direct"], "forwarded": sealed(helpdesk, changed() + b"ticket 2\r\n")}
    assert desk.judge(ways[first]).notifier == "hotline"
    finding = desk.judge(again[second], LATER)
    assert (finding.level, finding.notifier) == (TrustLevel.UNAUTHENTICATED, "")
    assert "mail.first-time" in [rule.name for rule in finding.rules if not rule.passed]


def test_the_same_mail_both_ways_within_the_hour_is_a_copy(desk: Desk, helpdesk: MailSigner) -> None:
    assert desk.judge(HOTLINE.sign(MAIL)).copy_of == ""
    assert desk.judge(sealed(helpdesk, changed()), timedelta(minutes=5)).copy_of == "r1"


def test_a_replay_of_before_the_forwarder_was_pinned_is_none_after(helpdesk: MailSigner) -> None:
    desk = Desk(helpdesk, forwarders=())
    assert desk.judge(HOTLINE.sign(MAIL)).notifier == "hotline"
    context = replace(desk.context, forwarders=(Forwarder("helpdesk.example"),))
    desk.trust = Trust(context, [ForwarderCheck(context)])
    assert failed(desk.judge(sealed(helpdesk, changed()), LATER)) == ["mail.first-time"]


def test_a_replay_is_not_believed(desk: Desk, helpdesk: MailSigner) -> None:
    raw = sealed(helpdesk, changed())
    assert desk.judge(raw).level is TrustLevel.PINNED
    assert desk.judge(raw, timedelta(minutes=1)).copy_of == "r1"
    assert failed(desk.judge(sealed(helpdesk, changed()), timedelta(hours=2))) == ["mail.first-time"]


def test_without_a_pinned_forwarder_no_seal_is_looked_at(helpdesk: MailSigner) -> None:
    desk = Desk(helpdesk, forwarders=())
    finding = desk.judge(sealed(helpdesk, changed()))
    assert failed(finding) == [rule.name for rule in finding.rules if rule.name.startswith("arc.")] == []
    assert helpdesk.name not in desk.keys.asked


def test_the_first_signature_that_still_matches_is_enough(desk: Desk, helpdesk: MailSigner) -> None:
    finding = desk.judge(sealed(helpdesk, HOTLINE.sign(MAIL), ArcSet("dkim=fail header.d=hotline.example")))
    assert (finding.level, finding.proof) == (TrustLevel.PINNED, "dkim")
