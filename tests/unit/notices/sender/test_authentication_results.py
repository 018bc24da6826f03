"""What mail servers really write into Authentication-Results, and what senders can make them write."""

from email import message_from_string

import pytest

from goodhoster.notices.sender.authentication_results import own_passes, parse_results, sealed_passes

US = "mx.hoster.example"
SIGNATURE = (
    "DKIM-Signature: v=1; a=rsa-sha256; d=hotline.example; s=sel; h=from; bh=YQ==; b=nPO/MF23restofit\n"
    "DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=rsa; h=from; bh=YQ==; b=IA3VOPC5rest\n"
)


def passed(results: str, signatures: str = SIGNATURE) -> list[str]:
    mail = message_from_string(f"Authentication-Results: {results}\n{signatures}From: a@b.example\n\n")
    return [one.domain for one in own_passes(mail, US)]


REAL = {
    "opendkim": f"{US};\n\tdkim=pass (2048-bit key; unprotected) header.d=hotline.example header.i=@hotline.example"
    " header.a=rsa-sha256 header.s=sel header.b=nPO/MF23;\n\tdkim-atps=neutral",
    "opendkim-two-signatures": f"{US};\n\tdkim=pass (2048-bit key; unprotected) header.d=hotline.example"
    " header.i=@hotline.example header.a=rsa-sha256 header.s=sel header.b=nPO/MF23;\n"
    '\tdkim=fail reason="signature verification failed" (1024-bit key) header.d=evil.example header.i=@evil.example'
    " header.b=IA3VOPC5",
    "rspamd": f'{US};\n\tdkim=pass header.d=hotline.example header.s=sel header.b="nPO/MF23";\n'
    f"\tdmarc=pass (policy=none) header.from=hotline.example;\n"
    f"\tspf=pass ({US}: domain of bounces@hotline.example designates 192.0.2.7 as permitted sender)"
    " smtp.mailfrom=bounces@hotline.example",
    "rspamd-failed-beside-it": f"{US};\n\tdkim=pass header.d=hotline.example header.s=sel header.b=nPO/MF23;\n"
    '\tdkim=fail ("body hash did not verify") header.d=evil.example header.s=rsa header.b=IA3VOPC5;\n\tarc=none',
    "gmail": f"{US};\n       dkim=pass header.i=@hotline.example header.s=sel header.b=nPO/MF23;\n"
    "       spf=pass (google.com: domain of bounces@hotline.example designates 192.0.2.7 as permitted sender)"
    " smtp.mailfrom=bounces@hotline.example;\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=hotline.example",
    "yahoo": f"{US};\n dkim=pass header.i=@hotline.example header.s=sel;\n spf=pass smtp.mailfrom=hotline.example;\n"
    " dmarc=pass(p=REJECT) header.from=hotline.example;",
    "authheaders": f"{US}; dkim=pass header.d=hotline.example header.i=@hotline.example header.a=rsa-sha256"
    " header.s=sel; arc=none; dmarc=pass (Used From Domain Record) header.from=hotline.example policy.dmarc=none",
    "with-a-version": f"{US} 1; dkim/1=pass header.d=hotline.example",
    "grammar-stretched": f"{US} ; DKIM = Pass header . d = HOTLINE.example",
}


@pytest.mark.parametrize("server", REAL)
def test_the_real_form_of_a_server_is_read(server: str) -> None:
    assert passed(REAL[server]) == ["hotline.example"]


SILENT = {
    "opendmarc-spf": f"{US}; spf=none smtp.mailfrom=hotline.example",
    "opendmarc": f"{US}; dmarc=pass (p=none dis=none) header.from=hotline.example",
    "opendkim-without-signature": f"{US}; dkim=none; dkim-atps=neutral",
    "pyspf": f"{US}; spf=pass (sender SPF authorized) \n   smtp.mailfrom=hotline.example (client-ip=192.0.2.7; \n"
    "   helo=mail.hotline.example; envelope-from=a@hotline.example; \n   receiver=<UNKNOWN>)",
    "exchange-without-its-name": "spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=hotline.example; hoster.example;"
    " dkim=pass (signature was verified) header.d=hotline.example",
    "none": f"{US}; none",
    # What they say of DKIM stands behind what they say of the sender, and could be the sender's own words.
    "exchange": f"{US}; spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=hotline.example; dkim=pass (signature was"
    " verified) header.d=hotline.example;dmarc=pass action=none header.from=hotline.example;compauth=pass reason=100",
    "exim": f"{US};\n\tspf=pass smtp.mailfrom=hotline.example;\n"
    "\tdkim=pass header.d=hotline.example header.s=sel header.a=rsa-sha256;\n\tdmarc=pass header.from=hotline.example",
    "of-the-rfc": "foo.example.net (foobar) 1 (baz);\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n"
    "  policy (A dot can go here) . (like that) expired\n  (this surprised me) = (as I wasn't expecting it) 1362471462",
}


@pytest.mark.parametrize("server", SILENT)
def test_a_form_that_says_nothing_of_dkim_proves_nothing(server: str) -> None:
    assert passed(SILENT[server]) == []


def test_the_stretched_example_of_the_rfc_is_read_by_its_grammar() -> None:
    server, (dkim,) = parse_results(SILENT["of-the-rfc"])
    assert (server, dkim.method, dkim.result) == ("foo.example.net", "dkim", "fail")
    assert dkim.properties == (("policy.expired", "1362471462"),)


FORGED = {
    "unquoted-property": f"{US}; spf=pass smtp.mailfrom=dkim=pass/header.d=hotline.example@evil.example",
    "quoted-property": f'{US}; spf=pass smtp.mailfrom="a; dkim=pass header.d=hotline.example"@evil.example',
    "escaped-quote": f'{US}; spf=pass smtp.mailfrom="a\\"; dkim=pass header.d=hotline.example; x=y"@evil.example',
    "quotes-taken-off": f"{US}; spf=pass smtp.mailfrom=a; dkim=pass header.d=hotline.example; x=pass a.b=c@e.example",
    "helo": f"{US}; spf=none smtp.helo=dkim=pass/header.d=hotline.example",
    "helo-with-signs": f"{US}; spf=none smtp.helo=x@y;dkim=pass header.d=hotline.example;x=y",
    "reason": f'{US}; dkim=fail reason="; dkim=pass header.d=hotline.example" header.d=evil.example',
    "comment": f"{US}; dkim=none (dkim=pass header.d=hotline.example)",
    "comment-nested": f"{US}; dkim=none (a (b) ; dkim=pass header.d=hotline.example; c)",
    "comment-without-end": f"{US}; dkim=none (a ; dkim=pass header.d=hotline.example",
    # pyspf-milter takes the quotes off the address that it copies into its comment.
    "comment-that-the-sender-ended": f"{US}; spf=none (no SPF record) smtp.mailfrom=evil.example (client-ip=192.0.2.7;"
    " helo=m.example; envelope-from=a) ; dkim=pass header.d=hotline.example ; x=y (@evil.example; receiver=<UNKNOWN>)",
    "comment-that-the-sender-ended-well": f"{US}; spf=none (a) smtp.mailfrom=evil.example (client-ip=192.0.2.7;"
    " helo=m.example; envelope-from=a@x) ; dkim=pass header.d=hotline.example ; x=y (b@e.example; receiver=<UNKNOWN>)",
    "comment-after-the-name": f"{US} (a) ; dkim=pass header.d=hotline.example; x=y (b)",
    # OpenDKIM decodes i= and copies it as it is.
    "identity": f"{US};\n\tdkim=permerror header.d=evil.example header.i=x@evil.example; dkim=pass"
    " header.d=hotline.example; dkim=pass header.d=evil.example header.i=@evil.example header.a=rsa-sha1 header.s=rsa"
    " header.b=IA3VOPC5;\n\tdkim-atps=neutral",
    "another-method-with-the-name-in-it": f"{US}; x-dkim=pass header.d=hotline.example; dkim-adsp=pass header.d=a.b",
    "domain-that-is-an-address": f"{US}; dkim=pass header.d=hotline.example@evil.example",
    "domain-twice": f"{US}; dkim=pass header.d=evil.example header.d=hotline.example",
    "identity-of-another": f"{US}; dkim=pass header.d=evil.example header.i=@hotline.example",
    "property-of-another-method": f"{US}; dkim=pass header.d=hotline.example smtp.mailfrom=a@evil.example",
    "without-a-domain": f"{US}; dkim=pass header.from=hotline.example",
    "passed-and-failed": f"{US}; dkim=pass header.d=hotline.example; dkim=fail header.d=hotline.example",
    "passed-and-failed-by-one-key": f"{US}; dkim=pass header.d=hotline.example header.s=sel;"
    " dkim=neutral header.d=hotline.example header.s=sel",
    "more-than-there-are-signatures": f"{US}; dkim=pass header.d=hotline.example; dkim=pass header.d=evil.example;"
    " dkim=pass header.d=x.example",
    "not-by-the-grammar": f"{US}; dkim=pass header.d=hotline.example; what is this",
    "another-server": "mx.evil.example; dkim=pass header.d=hotline.example",
    "our-name-as-a-part": f"{US}.evil.example; dkim=pass header.d=hotline.example",
    "our-name-in-a-comment": f"mx.evil.example ({US}); dkim=pass header.d=hotline.example",
    "version-that-is-a-name": f"mx.evil.example {US}; dkim=pass header.d=hotline.example",
    "too-long": f"{US}; dkim=pass header.d=hotline.example;" + " " * 20_000,
    "too-deep": f"{US}; dkim=pass {'(' * 500}{')' * 500} header.d=hotline.example",
}  # fmt: skip


@pytest.mark.parametrize("trap", FORGED)
def test_what_a_sender_can_make_a_server_write_proves_nothing(trap: str) -> None:
    assert "hotline.example" not in passed(FORGED[trap])


def test_a_mail_with_an_odd_identity_among_its_signatures_proves_nothing() -> None:
    odd = "DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=rsa; h=from; bh=YQ==; b=YQ==; i=a=3B=20x@evil.example\n"
    assert passed(REAL["opendkim"]) == ["hotline.example"]
    assert passed(REAL["opendkim"], SIGNATURE + odd) == []


def test_two_headers_in_our_name_prove_nothing_also_where_one_cannot_be_read() -> None:
    for other in (f"{US}; dkim=pass header.d=evil.example", f"{US}; dkim=pass ("):
        assert passed(f"{REAL['rspamd']}\nAuthentication-Results: {other}") == []
    assert passed(f"{REAL['rspamd']}\nAuthentication-Results: {SILENT['opendmarc']}") == ["hotline.example"]


def test_results_in_a_seal_are_read_in_the_same_way() -> None:
    mail = message_from_string(SIGNATURE + "\n")
    assert [one.domain for one in sealed_passes(REAL["rspamd"], mail)] == ["hotline.example"]
    believed = {trap for trap, text in FORGED.items() if "hotline.example" in str(sealed_passes(text, mail))}
    assert believed == {"another-server", "our-name-as-a-part"}, "there the seal says whose results they are"


@pytest.mark.parametrize(
    "hostile", ["(" * 100_000, '"' * 100_000, ";" * 16_000, "a=b;" * 4_000, "(\\" * 8_000, "\0", ""]
)
def test_what_no_server_writes_is_read_quickly(hostile: str) -> None:
    assert passed(f"{US}; {hostile}") == []
