"""Forged mails: every trap of DKIM, nobody pinned. The same mails properly signed: pinned."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.model.notices import Notifier, NotifierCaps, NotifierKind, SeenMail, TrustFinding, TrustLevel
from goodhoster.notices.sender.dkim_evaluation import TrustContext
from goodhoster.notices.sender.trust import Trust
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster.testing.signed_mail import MailSigner

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOTLINE = MailSigner.ed25519("hotline.example")
STRANGER = MailSigner.ed25519("stranger.example")
ORDERS = MailSigner.ed25519("authority.example")
TOKEN = "a-made-up-token-of-the-flagger"

MAIL = b"""\
From: Meldpunt <ntd@mail.hotline.example>
Reply-To: analist@hotline.example
To: abuse@hoster.example
Subject: [M0123456789] Verzoek
Date: Tue, 24 Nov 2026 11:05:00 +0100
Message-ID: <n1@hotline.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Graag weghalen: http://anna.example/a.jpg
""".replace(b"\n", b"\r\n")


def notifier(name: str, kind: NotifierKind, domain: str) -> Notifier:
    token = hashlib.sha256(TOKEN.encode()).digest() if name == "flagger" else b""
    return Notifier(name, name, kind, (domain,), 86400, automatic=True, caps=NotifierCaps(100, 20), token_sha256=token)


REGISTER = (
    notifier("hotline", NotifierKind.HOTLINE, "hotline.example"),
    notifier("flagger", NotifierKind.TRUSTED_FLAGGER, "flagger.example"),
    notifier("authority", NotifierKind.AUTHORITY, "authority.example"),
    notifier("friend", NotifierKind.OTHER, "friend.example"),
)


class CheckInput:
    """A court with keys in memory."""

    def __init__(self, authserv_id: str = "", register: tuple[Notifier, ...] = REGISTER) -> None:
        signers = (HOTLINE, STRANGER, ORDERS)
        self.keys = MemoryKeyRecords({signer.name: signer.record for signer in signers})
        self.seen = MemorySeenMails()
        self.trust = Trust(TrustContext(register, self.keys, self.seen, authserv_id))

    def publish(self, signer: MailSigner) -> MailSigner:
        self.keys.records[signer.name] = signer.record
        return signer

    def judge(self, raw: bytes, receipt: str = "r1", at: datetime = NOON) -> TrustFinding:
        return self.trust.of_mail(raw, SeenMail(receipt, at, own_server=True)).trust


@pytest.fixture
def given() -> CheckInput:
    return CheckInput()


def failed(finding: TrustFinding) -> list[str]:
    return [rule.name for rule in finding.rules if not rule.passed]


def test_properly_signed_is_pinned_and_every_rule_is_told(given: CheckInput) -> None:
    finding = given.judge(HOTLINE.sign(MAIL))
    assert (finding.level, finding.notifier, finding.proof) == (TrustLevel.PINNED, "hotline", "dkim")
    assert [rule.name for rule in finding.rules] == [
        "mail.clear",
        "mail.headers-once",
        "mail.one-author",
        "dkim.aligned",
        "dkim.whole-body",
        "dkim.headers",
        "dkim.encoding",
        "dkim.algorithm",
        "dkim.key",
        "dkim.strong-key",
        "dkim.earnest",
        "dkim.match",
        "notifier.registered",
        "mail.first-time",
    ]
    assert all(rule.passed and rule.why for rule in finding.rules)


@pytest.mark.debian("openssl")
def test_properly_signed_by_rsa_of_2048_bits_is_pinned(given: CheckInput) -> None:
    signer = given.publish(MailSigner.rsa("hotline.example", 2048))
    assert given.judge(signer.sign(MAIL)).level is TrustLevel.PINNED


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw.replace(old, new)


def _on_top(header: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: header + b"\r\n" + raw


def _unsigned(raw: bytes) -> bytes:
    return raw[raw.index(b"From:") :]


AUTHOR = b"<ntd@mail.hotline.example>"
CHANGED_AFTER: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "text-appended": (lambda raw: raw + b"http://victim.example/\r\n", "dkim.match"),
    "url-replaced": (_replaced(b"anna.example", b"ana2.example"), "dkim.match"),
    "subject-replaced": (_replaced(b"[M0123456789]", b"[M9999999999]"), "dkim.match"),
    "subject-on-top": (_on_top(b"Subject: [M9999999999] other"), "mail.headers-once"),
    "content-type-on-top": (_on_top(b'Content-Type: multipart/mixed; boundary="x"'), "mail.headers-once"),
    "from-on-top": (_on_top(b"From: boss@hotline.example"), "mail.headers-once"),
    "message-id-on-top": (_on_top(b"Message-ID: <other@hotline.example>"), "mail.headers-once"),
    "subject-with-a-blank-before-its-colon": (_on_top(b"Subject : other"), "mail.clear"),
    "header-behind-a-bare-return": (_on_top(b"X: a\rSubject: other"), "mail.clear"),
    "header-behind-a-nul": (_on_top(b"X: a\0b"), "mail.clear"),
    "mbox-line-among-the-headers": (_on_top(b"From hotline Tue Nov 24"), "mail.clear"),
    "blank-line-that-is-not-empty": (_on_top(b"X: a\r\n \r\nY: b"), "mail.clear"),
    "author-and-another": (
        _replaced(b"<ntd@mail.hotline.example>", b"<ntd@mail.hotline.example>, x@y.example"),
        "mail.one-author",
    ),
    "signature-over-many-lines-of-blanks": (
        _replaced(b"DKIM-Signature: v=1;", b"DKIM-Signature: v=1;" + b" " * 5000),
        "dkim.signed",
    ),
    "without-signature": (_unsigned, "dkim.signed"),
    "signature-twice-the-same-tag": (_replaced(b"v=1;", b"v=1; d=other.example;"), "dkim.signed"),
}


@pytest.mark.parametrize("trap", CHANGED_AFTER)
def test_changed_after_signing_is_not_believed(given: CheckInput, trap: str) -> None:
    change, rule = CHANGED_AFTER[trap]
    forged = change(HOTLINE.sign(MAIL))
    assert forged != HOTLINE.sign(MAIL)
    finding = given.judge(forged)
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == [rule]
    assert finding.notifier == finding.proof == ""


def test_part_of_the_body_signed_and_text_appended(given: CheckInput) -> None:
    signed = HOTLINE.sign(MAIL, part_of_body=True)
    for raw in (signed, signed + b"http://victim.example/\r\n"):
        assert failed(given.judge(raw)) == ["dkim.whole-body"]


@pytest.mark.parametrize("left_out", ["Subject", "Date", "Message-ID", "Content-Type"])
def test_a_header_that_matters_is_not_signed(given: CheckInput, left_out: str) -> None:
    headers = [name for name in ("From", "Subject", "Date", "Message-ID", "Content-Type") if name != left_out]
    finding = given.judge(HOTLINE.sign(MAIL, headers=headers))
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == ["dkim.headers"]
    assert finding.rules[-1].why == f"not signed: {left_out.lower()}"


def test_only_from_is_signed(given: CheckInput) -> None:
    assert failed(given.judge(HOTLINE.sign(MAIL, headers=["From"]))) == ["dkim.headers"]


@pytest.mark.parametrize("missing", ["Subject", "Date", "Message-ID", "Content-Type"])
def test_a_header_that_matters_is_not_there(given: CheckInput, missing: str) -> None:
    lines = [line for line in MAIL.split(b"\r\n") if not line.startswith(missing.encode() + b":")]
    assert failed(given.judge(HOTLINE.sign(b"\r\n".join(lines)))) == ["mail.headers-once"]


@pytest.mark.debian("openssl")
def test_a_key_of_1024_bits(given: CheckInput) -> None:
    signer = given.publish(MailSigner.rsa("hotline.example", 1024))
    finding = given.judge(signer.sign(MAIL))
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == ["dkim.strong-key"]


@pytest.mark.parametrize("flags", ["t=y; ", "t=s:y; "])
def test_a_key_on_trial(given: CheckInput, flags: str) -> None:
    signer = given.publish(MailSigner.ed25519("hotline.example", flags=flags))
    assert failed(given.judge(signer.sign(MAIL))) == ["dkim.earnest"]


@pytest.mark.parametrize(
    "record",
    [
        "",
        "v=DKIM1; p=",
        "v=DKIM1; k=ed25519; s=tlsrpt; p=AAAA",
        "v=DKIM2; p=AAAA",
        "v=DKIM1; p=AAAA",
        "p=" + "A" * 4000,
    ],
)
def test_a_record_that_is_no_key_for_mail(given: CheckInput, record: str) -> None:
    given.keys.records[HOTLINE.name] = record
    finding = given.judge(HOTLINE.sign(MAIL))
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == ["dkim.key"]
    assert not finding.passing


@pytest.mark.debian("openssl")
def test_an_algorithm_of_the_past(given: CheckInput) -> None:
    signer = given.publish(MailSigner.rsa("hotline.example", 2048))
    old = MailSigner(signer.domain, signer.selector, "rsa-sha1", signer.private, signer.record)
    assert failed(given.judge(old.sign(MAIL))) == ["dkim.algorithm"]


def test_signed_by_another_organisation(given: CheckInput) -> None:
    finding = given.judge(STRANGER.sign(MAIL))
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == ["dkim.aligned"]


def test_a_stranger_who_signs_properly_is_authenticated_and_no_more(given: CheckInput) -> None:
    raw = MAIL.replace(b"ntd@mail.hotline.example", b"me@stranger.example")
    finding = given.judge(STRANGER.sign(raw))
    assert (finding.level, finding.notifier, finding.proof) == (TrustLevel.AUTHENTICATED, "", "dkim")
    assert failed(finding) == ["notifier.registered"]


def test_a_name_that_only_looks_like_the_domain_of_the_profile(given: CheckInput) -> None:
    signer = given.publish(MailSigner.ed25519("not-hotline.example"))
    raw = MAIL.replace(b"ntd@mail.hotline.example", b"ntd@not-hotline.example")
    assert given.judge(signer.sign(raw)).level is TrustLevel.AUTHENTICATED


def test_an_address_in_quotes_is_no_author(given: CheckInput) -> None:
    raw = MAIL.replace(b"Meldpunt <ntd@mail.hotline.example>", b'"ntd@hotline.example" <me@stranger.example>')
    finding = given.judge(HOTLINE.sign(raw))
    assert failed(finding) == ["dkim.aligned"]
    assert finding.rules[-1].why == "signed by hotline.example, written by stranger.example"


def test_an_authority_is_told_apart(given: CheckInput) -> None:
    raw = MAIL.replace(b"ntd@mail.hotline.example", b"orders@authority.example")
    finding = given.judge(ORDERS.sign(raw))
    assert (finding.level, finding.notifier) == (TrustLevel.AUTHORITY, "authority")


def test_a_registered_friend_is_authenticated_only(given: CheckInput) -> None:
    signer = given.publish(MailSigner.ed25519("friend.example"))
    finding = given.judge(signer.sign(MAIL.replace(b"ntd@mail.hotline.example", b"me@friend.example")))
    assert (finding.level, finding.notifier) == (TrustLevel.AUTHENTICATED, "friend")


def test_a_replay_is_not_believed_whatever_was_done_to_its_blanks(given: CheckInput) -> None:
    signed = HOTLINE.sign(MAIL)
    assert given.judge(signed, "r1").level is TrustLevel.PINNED
    assert given.judge(signed, "r1").level is TrustLevel.PINNED, "our own copy, judged again after a crash"
    for copy in (signed, b"Received: from x\r\n" + signed, signed.replace(b": http", b":   http") + b"\r\n\r\n"):
        finding = given.judge(copy, "r2", NOON + timedelta(hours=2))
        assert finding.level is TrustLevel.UNAUTHENTICATED
        assert failed(finding) == ["mail.first-time"]


def test_one_mail_to_two_of_our_addresses_is_believed_and_the_second_copy_is_told(given: CheckInput) -> None:
    signed = HOTLINE.sign(MAIL)
    assert given.judge(signed, "r1").copy_of == ""
    second = given.judge(b"Delivered-To: ntd@hoster.example\r\n" + signed, "r2", NOON + timedelta(minutes=1))
    assert (second.level, second.copy_of, failed(second)) == (TrustLevel.PINNED, "r1", [])


def test_a_forgery_that_came_first_does_not_take_the_place_of_the_mail(given: CheckInput) -> None:
    signed = HOTLINE.sign(MAIL)
    assert given.judge(signed.replace(b"anna", b"bert"), "r1").level is TrustLevel.UNAUTHENTICATED
    assert given.judge(signed, "r2").level is TrustLevel.PINNED


def test_the_second_signature_counts_and_the_eleventh_does_not(given: CheckInput) -> None:
    broken = STRANGER.sign(MAIL)[: -len(MAIL)]
    assert given.judge(broken + HOTLINE.sign(MAIL), "r1").level is TrustLevel.PINNED
    other = HOTLINE.sign(MAIL.replace(b"n1@", b"n2@"))
    assert given.judge(broken * 9 + other, "r2").level is TrustLevel.PINNED
    finding = given.judge(broken * 10 + HOTLINE.sign(MAIL.replace(b"n1@", b"n3@")), "r3")
    assert finding.level is TrustLevel.UNAUTHENTICATED


def test_no_name_server_may_be_better_next_time(given: CheckInput) -> None:
    given.keys.down = True
    finding = given.judge(HOTLINE.sign(MAIL))
    assert (finding.level, finding.passing) == (TrustLevel.UNAUTHENTICATED, True)
    assert failed(finding) == ["dkim.key"]
    given.keys.down = False
    assert given.judge(HOTLINE.sign(MAIL)).level is TrustLevel.PINNED


def test_pinned_keys_are_used_alone_and_no_name_server_is_asked(tmp_path: Path) -> None:
    register = (
        Notifier(
            "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400, automatic=True,
            caps=NotifierCaps(1, 1),
            dkim_keys=(HOTLINE.pinned,),
        ),
    )  # fmt: skip
    given = CheckInput(register=register)
    assert given.judge(HOTLINE.sign(MAIL)).level is TrustLevel.PINNED
    other = given.publish(MailSigner.ed25519("hotline.example", selector="other"))
    assert failed(given.judge(other.sign(MAIL))) == ["dkim.key"]
    assert given.keys.asked == []


OURS = b"Authentication-Results: mx.hoster.example; dkim=pass (good) header.d=hotline.example\r\n"
RECEIVED = b"Received: from mail.hotline.example by mx.hoster.example; Tue, 24 Nov 2026 11:05:01 +0100\r\n"
OLDER = b"Received: from elsewhere by mail.hotline.example; Tue, 24 Nov 2026 11:05:00 +0100\r\n"


def altered() -> bytes:
    """Signed, and then given a footer by the hoster's own gateway."""
    return HOTLINE.sign(MAIL) + b"-- \r\nscanned by the gateway\r\n"


@pytest.mark.parametrize("order", [OURS + RECEIVED + OLDER, RECEIVED + OURS + OLDER])
def test_our_own_mail_server_found_it_to_match(tmp_path: Path, order: bytes) -> None:
    finding = CheckInput("mx.hoster.example").judge(order + altered())
    assert (finding.level, finding.proof) == (TrustLevel.PINNED, "authserv")


@pytest.mark.parametrize(
    "headers",
    [
        RECEIVED + OLDER + OURS,
        OURS.replace(b"mx.hoster.example", b"mx.elsewhere.example") + RECEIVED,
        OURS.replace(b"mx.hoster.example", b"mx.hoster.example.evil.example") + RECEIVED,
        OURS.replace(b"dkim=pass", b"dkim=fail") + RECEIVED,
        OURS.replace(b"(good)", b"(dkim=pass)").replace(b"dkim=pass (", b"dkim=none (") + RECEIVED,
        OURS.replace(b"header.d=hotline.example", b"header.d=stranger.example") + RECEIVED,
        OURS.replace(b"dkim=pass", b'x="a; dkim=pass"; dkim=none') + RECEIVED,
        OURS.replace(b"dkim=pass (good)", b"dkim=none; spf=pass") + RECEIVED,
        OURS.replace(b"dkim=pass (good)", b'dkim=none; spf=pass smtp.mailfrom="a; dkim=pass').replace(
            b"hotline.example\r", b'hotline.example; b"@x.example\r'
        ) + RECEIVED,
        OURS.replace(b"dkim=pass (good)", b"dkim=none (a (b) ; dkim=pass").replace(b"\r", b"; c)\r") + RECEIVED,
        OURS + OURS.replace(b"dkim=pass", b"dkim=fail") + RECEIVED,
        OURS + OURS + RECEIVED,
    ],
)  # fmt: skip
def test_results_of_others_or_of_other_things_prove_nothing(tmp_path: Path, headers: bytes) -> None:
    finding = CheckInput("mx.hoster.example").judge(headers + altered())
    assert finding.level is TrustLevel.UNAUTHENTICATED
    assert failed(finding) == ["dkim.match"]


def test_what_our_own_server_found_about_other_things_takes_nothing_away(tmp_path: Path) -> None:
    spf = b"Authentication-Results: mx.hoster.example; spf=pass smtp.mailfrom=hotline.example\r\n"
    assert CheckInput("mx.hoster.example").judge(spf + OURS + RECEIVED + altered()).level is TrustLevel.PINNED


def test_results_prove_nothing_where_no_own_server_is_named(given: CheckInput) -> None:
    assert given.judge(OURS + RECEIVED + altered()).level is TrustLevel.UNAUTHENTICATED


def test_our_own_server_does_not_make_a_weak_claim_strong(tmp_path: Path) -> None:
    given = CheckInput("mx.hoster.example")
    assert failed(given.judge(OURS + RECEIVED + HOTLINE.sign(MAIL, part_of_body=True) + b"more\r\n")) == [
        "dkim.whole-body"
    ]
    given.publish(MailSigner.ed25519("hotline.example", flags="t=y; "))
    assert failed(given.judge(OURS + RECEIVED + altered())) == ["dkim.earnest"]


def test_arc_is_not_believed(given: CheckInput) -> None:
    arc = b"ARC-Authentication-Results: i=1; mx.hoster.example; dkim=pass header.d=hotline.example\r\n"
    assert given.judge(arc + altered()).level is TrustLevel.UNAUTHENTICATED


def test_an_api_token_proves_its_notifier(given: CheckInput) -> None:
    finding = given.trust.of_token(TOKEN)
    assert (finding.level, finding.notifier, finding.proof) == (TrustLevel.PINNED, "flagger", "token")


@pytest.mark.parametrize("token", ["", "x", TOKEN + " ", TOKEN.upper(), "\udcff"])
def test_any_other_token_proves_nothing(given: CheckInput, token: str) -> None:
    finding = given.trust.of_token(token)
    assert (finding.level, finding.notifier) == (TrustLevel.UNAUTHENTICATED, "")
    assert failed(finding) == ["token.known"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"From: a@b.example\r\n" * 5000,
        b"DKIM-Signature: " + b" \r\n\t" * 5000 + b"\r\n\r\n",
        HOTLINE.sign(MAIL).replace(b"\r\n\r\n", b"\r\n\r\n" + b" " * 3_000_000),
        HOTLINE.sign(MAIL).replace(b"bh=", b"bh=" + b"(" * 20_000),
    ],
)
def test_what_no_mail_should_be_is_nobodys_and_quickly(given: CheckInput, raw: bytes) -> None:
    assert given.judge(raw).level is TrustLevel.UNAUTHENTICATED
