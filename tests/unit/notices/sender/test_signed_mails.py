"""Mails signed with S/MIME and OpenPGP by real programs: a pinned key is believed, for what it signed and nothing else;
every forgery waits for a person.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.model.notices import Belief, Notifier, NotifierCaps, NotifierKind, ReadNotice, SeenMail, TrustLevel
from goodhoster.notices.reading.reader import read
from goodhoster.notices.sender.dkim_evaluation import TrustContext
from goodhoster.notices.sender.pinned_keys.evaluation import PinnedKeyCheck
from goodhoster.notices.sender.pinned_keys.pool import SEARCH, SignatureCheckPool
from goodhoster.notices.sender.trust import Trust
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster.testing.signed_mail import MailSigner
from tests.partsigners import HEAD, OpenPgp, Smime, part, run, together

pytestmark = [pytest.mark.debian("openssl"), pytest.mark.debian("gnupg", program="gpg"), pytest.mark.debian("gpgv")]
URL, OTHER = "http://anna.example/a.jpg", "http://victim.example/b.jpg"
PART = part(URL)
DAY = timedelta(days=1)
Signer = Smime | OpenPgp


@pytest.fixture(scope="module")
def smime(tmp_path_factory: pytest.TempPathFactory) -> Smime:
    return Smime.made(tmp_path_factory.mktemp("smime"))


@pytest.fixture(scope="module")
def openpgp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPgp]:
    signer = OpenPgp.made(tmp_path_factory.mktemp("pgp"))
    yield signer
    signer.end()


@pytest.fixture(params=["smime", "openpgp"])
def signer(request: pytest.FixtureRequest, smime: Smime, openpgp: OpenPgp) -> Signer:
    return smime if request.param == "smime" else openpgp


@pytest.fixture
def fresh_openpgp(tmp_path: Path) -> Iterator[Callable[..., OpenPgp]]:
    made: list[OpenPgp] = []

    def make(**options: str) -> OpenPgp:
        made.append(OpenPgp.made(tmp_path / f"pgp{len(made)}", **options))
        return made[-1]

    yield make
    for signer in made:
        signer.end()


class Desk:
    """Trust with one hotline whose profile pins these keys; tells what came of a mail and what of it is read."""

    def __init__(
        self, smime: bytes = b"", openpgp: bytes = b"", search: str = SEARCH, proving: SignatureCheckPool | None = None
    ) -> None:
        hotline = Notifier(
            "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400, automatic=True,
            caps=NotifierCaps(9, 9),
            smime_certificates=smime, openpgp_keys=openpgp,
        )  # fmt: skip
        other = Notifier(
            "friend", "Friend", NotifierKind.OTHER, ("friend.example",), 86400, automatic=True, caps=NotifierCaps(1, 1)
        )
        self.keys = MemoryKeyRecords({})
        self.proving = proving or SignatureCheckPool((other, hotline), search=search)
        context = TrustContext((other, hotline), self.keys, MemorySeenMails())
        self.trust = Trust(context, [PinnedKeyCheck(context, self.proving)])
        self._receipts = itertools.count(1)

    def judge(self, raw: bytes, after: timedelta = timedelta(0)) -> Belief:
        return self.trust.of_mail(raw, SeenMail(f"r{next(self._receipts)}", datetime.now(UTC) + after))

    def reads(self, raw: bytes) -> ReadNotice:
        belief = self.judge(raw)
        assert belief.trust.level is TrustLevel.PINNED, belief.trust.rules
        return read(belief.says)


@pytest.fixture(scope="module")
def desks() -> Iterator[list[Desk]]:
    opened: list[Desk] = []
    yield opened
    for desk in opened:
        desk.proving.close()


@pytest.fixture(scope="module")
def knowing_both(desks: list[Desk], smime: Smime, openpgp: OpenPgp) -> Desk:
    desks.append(Desk(smime.certificate, openpgp.keys))
    return desks[-1]


@pytest.fixture
def desk(knowing_both: Desk) -> Desk:
    """It knows both signers, and has seen no mail yet."""
    return Desk(proving=knowing_both.proving)


@pytest.fixture
def pinning(desks: list[Desk]) -> Callable[..., Desk]:
    def make(smime: bytes = b"", openpgp: bytes = b"") -> Desk:
        desks.append(Desk(smime, openpgp))
        return desks[-1]

    return make


def failed(belief: Belief) -> list[str]:
    """The rules that failed; what is not believed is read whole, by a person."""
    assert belief.trust.level is TrustLevel.UNAUTHENTICATED
    assert belief.trust.notifier == belief.trust.proof == ""
    return [rule.name for rule in belief.trust.rules if not rule.passed]


def urls(notice: ReadNotice) -> list[str]:
    return [item.urls[0] for item in notice.items]


def test_a_pinned_key_is_believed_and_every_rule_is_told(desk: Desk, signer: Signer) -> None:
    belief = desk.judge(signer.detached(PART))
    assert (belief.trust.level, belief.trust.notifier) == (TrustLevel.PINNED, "hotline")
    assert belief.trust.proof == ("smime" if isinstance(signer, Smime) else "openpgp")
    names = [rule.name for rule in belief.trust.rules]
    assert names[:4] == ["mail.clear", "mail.headers-once", "mail.one-author", "signed.whole"]
    assert set(names[4:]) >= {"signed.digest", "signed.match", "signed.key", "signed.recent", "signed.subject"}
    assert names[-1] == "mail.first-time"
    assert all(rule.passed and rule.why for rule in belief.trust.rules)


def test_the_signed_part_is_read_and_what_stands_around_it_is_not(desk: Desk, signer: Signer) -> None:
    notice = desk.reads(signer.detached(PART))
    assert urls(notice) == [URL]
    assert (notice.reference, notice.message_id) == ("M0000000009", "<9@hotline.example>")
    assert (notice.reporter.address, notice.reporter.answer_to) == ("desk@hotline.example", "answers@hotline.example")


@pytest.mark.parametrize("how", [(), ("-stream",), ("-md", "sha512"), ("-keyopt", "rsa_padding_mode:pss"), ("-keyid",)])
def test_opaque_and_other_ways_to_sign_with_smime(desk: Desk, smime: Smime, how: tuple[str, ...]) -> None:
    assert urls(desk.reads(smime.opaque(PART, *how))) == [URL]


def test_lines_that_a_mail_server_ended_otherwise(desk: Desk, signer: Signer) -> None:
    assert urls(desk.reads(signer.detached(PART).replace(b"\r\n", b"\n"))) == [URL]


def test_elliptic_curves_are_as_good(pinning: Callable[..., Desk], tmp_path: Path) -> None:
    signer = Smime.made(tmp_path / "ec", "ec")
    assert urls(pinning(smime=signer.certificate).reads(signer.detached(PART))) == [URL]


def test_openpgp_keys_may_be_in_armor_and_rsa(
    pinning: Callable[..., Desk], fresh_openpgp: Callable[..., OpenPgp]
) -> None:
    signer = fresh_openpgp(kind="rsa2048")
    assert urls(pinning(openpgp=signer.armored).reads(signer.detached(PART, "--textmode"))) == [URL]


def test_any_of_several_pinned_keys(pinning: Callable[..., Desk], smime: Smime, tmp_path: Path) -> None:
    newer = Smime.made(tmp_path / "newer")
    desk = pinning(smime=smime.certificate + newer.certificate)
    assert urls(desk.reads(smime.detached(PART))) == urls(desk.reads(newer.detached(part(URL, "X: 2\n")))) == [URL]


def test_the_pinned_key_counts_and_not_the_address_in_its_certificate(
    pinning: Callable[..., Desk], tmp_path: Path
) -> None:
    signer = Smime.made(tmp_path / "other", address="gateway@elsewhere.example")
    assert urls(pinning(smime=signer.certificate).reads(signer.detached(PART))) == [URL]


def test_a_key_that_nobody_pinned(desk: Desk, tmp_path: Path, fresh_openpgp: Callable[..., OpenPgp]) -> None:
    assert failed(desk.judge(Smime.made(tmp_path / "stranger").detached(PART))) == ["signed.match"]
    assert failed(desk.judge(Smime.made(tmp_path / "stranger").opaque(PART))) == ["signed.match"]
    assert failed(desk.judge(fresh_openpgp().detached(PART))) == ["signed.match"]


def test_a_certificate_by_a_pinned_one_is_not_pinned_itself(
    pinning: Callable[..., Desk], smime: Smime, tmp_path: Path
) -> None:
    """Whoever has the key of a pinned certificate may sign mails with it, and no more."""
    folder = tmp_path / "issued"
    issued = Smime.made(folder)
    issuing = ("-CA", str(smime.folder / "cert"), "-CAkey", str(smime.folder / "key"), "-days", "1", "-out", "cert")
    run(folder, "openssl", "req", "-new", "-x509", "-key", "key", "-subj", "/CN=desk@hotline.example", *issuing)
    assert failed(pinning(smime=smime.certificate).judge(issued.detached(PART))) == ["signed.match"]


def test_another_text_under_a_true_signature(desk: Desk, signer: Signer) -> None:
    assert failed(desk.judge(signer.detached(PART).replace(URL.encode(), OTHER.encode()))) == ["signed.match"]


def test_another_text_beside_an_opaque_signature(desk: Desk, smime: Smime) -> None:
    """What openssl would give out is the text inside; what is announced is the one beside it."""
    signature = smime.signature(PART, "-nodetach")
    assert failed(desk.judge(together(part(OTHER), signature, "application/pkcs7-signature"))) == ["signed.match"]


def wrapped(inner: bytes, before: str = "", after: str = "") -> bytes:
    """A mail server's own multipart around it, as mailing lists make."""
    head, _, body = inner.partition(b"\r\n\r\n")
    kind = head[head.index(b"Content-Type") :]
    texts = [f"--o\r\nContent-Type: text/plain\r\n\r\n{text}\r\n".encode() if text else b"" for text in (before, after)]
    outer = f"{HEAD}Content-Type: multipart/mixed; boundary=o\r\n\r\n".encode()
    return outer + texts[0] + b"--o\r\n" + kind + b"\r\n\r\n" + body + b"\r\n" + texts[1] + b"--o--\r\n"


@pytest.mark.parametrize(("before", "after"), [(OTHER, ""), ("", OTHER), ("", "")])
def test_a_signed_part_inside_of_something_waits(desk: Desk, signer: Signer, before: str, after: str) -> None:
    assert failed(desk.judge(wrapped(signer.detached(PART), before, after))) == ["signed.whole"]


THIRD = b"\r\n--b=_1\r\nContent-Type: text/plain\r\n\r\n" + OTHER.encode() + b"\r\n--b=_1--\r\n"
REARRANGED: dict[str, Callable[[bytes], bytes]] = {
    "a-third-part": lambda raw: raw.replace(b"\r\n--b=_1--\r\n", THIRD),
    "no-end": lambda raw: raw.partition(b"\r\n--b=_1--\r\n")[0] + b"\r\n",
    "unknown-protocol": lambda raw: raw.replace(b'-signature"; micalg', b'-other"; micalg'),
    "signature-of-another-kind": lambda raw: raw.replace(b"-signature; name", b"-other; name"),
    "no-boundary": lambda raw: raw.replace(b' boundary="b=_1"', b""),
}


@pytest.mark.parametrize("how", REARRANGED)
def test_parts_that_are_not_one_and_its_signature(desk: Desk, signer: Signer, how: str) -> None:
    changed = REARRANGED[how](signer.detached(PART))
    assert changed != signer.detached(PART)
    assert failed(desk.judge(changed)) == ["signed.whole"]


def test_a_second_content_type_on_top(desk: Desk, signer: Signer) -> None:
    forged = b"Content-Type: text/plain\r\n" + signer.detached(PART)
    assert failed(desk.judge(forged)) == ["mail.headers-once"]


def test_what_a_forger_writes_outside_changes_nothing_of_what_is_read(desk: Desk, signer: Signer) -> None:
    """Whoever caught the mail may write other headers: the answer still goes to nobody but the hotline."""
    head = HEAD.replace("desk@hotline.example", "forger@forger.example").replace("answers@hotline", "answers@forger")
    notice = desk.reads(signer.detached(PART, head=head.replace("[M0000000009] Melding", OTHER)))
    assert (urls(notice), notice.reporter.answer_to, notice.reference) == ([URL], "", "")


@pytest.mark.parametrize("said", ["Auto-Submitted: auto-generated", "Return-Path: <>", "X-Auto-Response-Suppress: All"])
def test_a_machine_that_signs_is_still_a_machine(desk: Desk, smime: Smime, said: str) -> None:
    assert desk.reads(smime.detached(PART, head=f"{said}\r\n{HEAD}")).automatic


def test_headers_inside_the_signed_part_count(desk: Desk, signer: Signer) -> None:
    inside = "Subject: [M0123456789] inside\nFrom: Desk <real@elsewhere.example>\nMessage-ID: <in@hotline.example>\n"
    notice = desk.reads(signer.detached(part(URL, inside)))
    assert (notice.subject, notice.reference) == ("[M0123456789] inside", "M0123456789")
    assert (notice.reporter.address, notice.message_id) == ("real@elsewhere.example", "<in@hotline.example>")


def test_an_unsigned_subject_does_not_make_a_trial_of_it(desk: Desk, signer: Signer) -> None:
    trial = HEAD.replace("[M", "[ALT_EMAIL active; org=x] [M")
    assert failed(desk.judge(signer.detached(PART, head=trial))) == ["signed.subject"]
    assert desk.judge(signer.detached(PART)).trust.level is TrustLevel.PINNED, "the mail itself is still believed"
    signed = desk.reads(signer.detached(part(URL, "Subject: [ALT_EMAIL active; org=x] [M0000000009] x\n"), head=trial))
    assert signed.test


def test_sent_again_under_another_number_and_name(desk: Desk, signer: Signer) -> None:
    raw = signer.detached(PART)
    assert desk.judge(raw).trust.level is TrustLevel.PINNED
    again = raw.replace(b"<9@", b"<10@").replace(b"M0000000009", b"M0000000010")
    assert failed(desk.judge(again, timedelta(hours=2))) == ["mail.first-time"]
    soon = desk.judge(again, timedelta(minutes=1)).trust
    assert (soon.level, soon.copy_of) == (TrustLevel.PINNED, "r1"), "a copy: believed, never acted on by itself"


def test_sent_again_it_is_not_believed_for_its_other_signature_instead(desk: Desk, signer: Signer) -> None:
    hotline = MailSigner.ed25519("hotline.example")
    desk.keys.records[hotline.name] = hotline.record
    raw = hotline.sign(signer.detached(PART))
    assert desk.judge(raw).trust.proof in {"smime", "openpgp"}
    assert set(failed(desk.judge(raw, timedelta(hours=2)))) == {"mail.first-time"}


def test_the_same_text_signed_anew_is_no_replay(desk: Desk, openpgp: OpenPgp) -> None:
    assert desk.judge(openpgp.detached(PART)).trust.level is TrustLevel.PINNED
    tomorrow = openpgp.detached(PART, "--faked-system-time", f"{datetime.now(UTC) + DAY:%Y%m%dT%H%M%S}!")
    assert desk.judge(tomorrow, DAY).trust.copy_of == ""
    assert desk.judge(tomorrow, DAY).trust.level is TrustLevel.PINNED


def test_a_signature_that_somebody_kept(
    desk: Desk, openpgp: OpenPgp, pinning: Callable[..., Desk], tmp_path: Path
) -> None:
    assert failed(desk.judge(openpgp.detached(PART), 8 * DAY)) == ["signed.recent"]
    assert failed(desk.judge(openpgp.detached(part(OTHER)), -DAY)) == ["signed.recent"]
    lasting = Smime.made(tmp_path / "lasting", days="30")
    assert failed(pinning(smime=lasting.certificate).judge(lasting.detached(PART), 8 * DAY)) == ["signed.recent"]


def test_a_signature_without_a_time(desk: Desk, smime: Smime) -> None:
    assert failed(desk.judge(smime.detached(PART, "-noattr"))) == ["signed.recent"]


@pytest.mark.parametrize("digest", ["sha1", "md5", "sha224"])
def test_a_digest_of_the_past(desk: Desk, smime: Smime, digest: str) -> None:
    assert failed(desk.judge(smime.detached(PART, "-md", digest))) == ["signed.digest"]
    assert failed(desk.judge(smime.opaque(PART, "-md", digest))) == ["signed.digest"]


def test_an_openpgp_digest_of_the_past(pinning: Callable[..., Desk], fresh_openpgp: Callable[..., OpenPgp]) -> None:
    signer = fresh_openpgp(kind="rsa2048")
    desk = pinning(openpgp=signer.keys)
    assert failed(desk.judge(signer.detached(PART, "--digest-algo", "SHA1"))) == ["signed.digest"]
    md5 = ("--digest-algo", "MD5", "--allow-weak-digest-algos")
    assert failed(desk.judge(signer.detached(PART, *md5))) == ["signed.match"], "gpgv refuses it by itself"


def test_a_weak_key(pinning: Callable[..., Desk], tmp_path: Path, fresh_openpgp: Callable[..., OpenPgp]) -> None:
    weak = Smime.made(tmp_path / "weak", "rsa:1024")
    assert failed(pinning(smime=weak.certificate).judge(weak.detached(PART))) == ["signed.key"]
    pgp = fresh_openpgp(kind="rsa1024")
    assert failed(pinning(openpgp=pgp.keys).judge(pgp.detached(PART))) == ["signed.key"]


def test_an_expired_key(
    pinning: Callable[..., Desk], smime: Smime, desk: Desk, fresh_openpgp: Callable[..., OpenPgp]
) -> None:
    belief = desk.judge(smime.detached(PART), 3 * DAY)
    assert failed(belief) == ["signed.key"]
    assert belief.trust.rules[-1].why == "certificate has expired"
    pgp = fresh_openpgp()
    raw = pgp.detached(PART)
    pgp.gpg("--quick-set-expire", fingerprint(pgp), "seconds=1")
    time.sleep(2)
    assert failed(pinning(openpgp=pgp.keys).judge(raw)) == ["signed.key"]


def fingerprint(signer: OpenPgp) -> str:
    lines = signer.gpg("--with-colons", "--list-keys").decode().splitlines()
    return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))


def test_a_revoked_key(pinning: Callable[..., Desk], fresh_openpgp: Callable[..., OpenPgp]) -> None:
    signer = fresh_openpgp()
    raw = signer.detached(PART)
    signer.revoke()
    belief = pinning(openpgp=signer.keys).judge(raw)
    assert failed(belief) == ["signed.key"]
    assert belief.trust.rules[-1].why == "it was revoked"


def test_two_signatures(desk: Desk, openpgp: OpenPgp, smime: Smime, tmp_path: Path) -> None:
    """Of which of them would the time count? A forger's beside the hotline's must not confuse either."""
    twice = openpgp.gpg("--dearmor", given=openpgp.signature(PART)) * 2
    assert failed(desk.judge(together(PART, openpgp.gpg("--enarmor", given=twice), "application/pgp-signature"))) == [
        "signed.one"
    ]
    stranger = Smime.made(tmp_path / "stranger")
    both = smime.signature(PART, "-signer", str(stranger.folder / "cert"), "-inkey", str(stranger.folder / "key"))
    assert failed(desk.judge(together(PART, both, "application/pkcs7-signature"))) == ["signed.match"]


def test_a_whole_openpgp_message_is_no_signature(desk: Desk, openpgp: OpenPgp) -> None:
    message = openpgp.gpg("--armor", "--sign", given=PART)
    assert failed(desk.judge(together(part(OTHER), message, "application/pgp-signature"))) == ["signed.one"]


def test_an_inline_openpgp_signature_waits(desk: Desk, openpgp: OpenPgp) -> None:
    assert failed(desk.judge(openpgp.inline(PART))) == ["signed.whole"]


def test_a_kind_of_which_no_key_is_pinned(pinning: Callable[..., Desk], smime: Smime, openpgp: OpenPgp) -> None:
    assert failed(pinning(smime=smime.certificate).judge(openpgp.detached(PART))) == ["signed.pinned"]
    assert failed(pinning(openpgp=openpgp.keys).judge(smime.detached(PART))) == ["signed.pinned"]


def test_where_no_profile_pins_a_key_no_process_is_started(pinning: Callable[..., Desk], smime: Smime) -> None:
    before = children()
    assert failed(pinning().judge(smime.detached(PART))) == ["dkim.signed"]
    assert children() == before


def test_a_missing_program(desks: list[Desk], smime: Smime, openpgp: OpenPgp, tmp_path: Path) -> None:
    desks.append(Desk(smime.certificate, openpgp.keys, search=str(tmp_path)))
    for raw, program in ((smime.detached(PART), "openssl"), (openpgp.detached(PART), "gpgv")):
        belief = desks[-1].judge(raw)
        assert failed(belief) == ["signed.program"]
        assert belief.trust.rules[-1].why == f"{program} is not installed here"


def test_the_better_of_two_proofs_counts(desk: Desk, smime: Smime, tmp_path: Path) -> None:
    """A mail signed by DKIM as a whole is believed for that, though nobody pinned the key of its signed part."""
    hotline = MailSigner.ed25519("hotline.example")
    desk.keys.records[hotline.name] = hotline.record
    raw = hotline.sign(Smime.made(tmp_path / "stranger").detached(PART))
    belief = desk.judge(raw)
    assert (belief.trust.level, belief.trust.proof, belief.says.content) == (TrustLevel.PINNED, "dkim", raw)


HOSTILE: dict[str, bytes] = {
    "signature-of-noise": together(PART, os.urandom(100_000), "application/pkcs7-signature"),
    "signature-of-nothing": together(PART, b"", "application/pkcs7-signature"),
    "signature-of-nesting": together(PART, b"\x30\x80" * 200_000, "application/pkcs7-signature"),
    "packets-of-noise": together(
        PART, b"-----BEGIN PGP SIGNATURE-----\n\n" + b"wsB=" * 50_000, "application/pgp-signature"
    ),
    "packets-of-nothing": together(PART, b"", "application/pgp-signature"),
    "part-of-boundaries": together(b"\r\n--b=_1" * 50, b"x", "application/pgp-signature"),
    "part-of-many-lines": together(b"x\r\n" * (1 << 20), b"x", "application/pkcs7-signature"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_signature_should_be_costs_little(desk: Desk, name: str) -> None:
    assert desk.judge(HOSTILE[name]).trust.level is TrustLevel.UNAUTHENTICATED


def test_the_process_that_checks_has_limits_and_no_rights(pinning: Callable[..., Desk], smime: Smime) -> None:
    before, desk = children(), pinning(smime=smime.certificate)
    desk.judge(smime.detached(PART))
    (pid,) = children() - before
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    for limit in ("Max address space", "Max file size", "Max core file size", "Max cpu time"):
        assert "unlimited" not in next(line for line in limits if line.startswith(limit))[:45]
    status = Path(f"/proc/{pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    desk.proving.close()
    assert children() == before


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
