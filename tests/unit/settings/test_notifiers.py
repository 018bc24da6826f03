import hashlib
from pathlib import Path

import pytest

from goodhoster.assembly.notices import forwarders, notifiers
from goodhoster.errors import ConfigurationError
from goodhoster.model.notices import DkimKey, Forwarder, Notifier, NotifierCaps, NotifierKind
from goodhoster.settings import Settings, load

TOKEN = "a-made-up-token-of-the-hotline"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "meldpunt.token").write_text(TOKEN)
    (tmp_path / "meldpunt.token").chmod(0o600)
    (tmp_path / "meldpunt.keys").write_text(
        '# from DNS\nmail._domainkey.Hotline.example. "v=DKIM1; k=rsa; p=AA" "AA"\n\n'
        "new._domainkey.hotline.example p=BBBB\n"
    )
    return written(
        tmp_path,
        """[[notifier]]
        id = "meldpunt"
        name = "Meldpunt"
        kind = "hotline"
        domains = ["Hotline.example"]
        dkim_keys = "meldpunt.keys"
        token_file = "meldpunt.token"
        language = "nl"
        layout = "scart-table"
        deadline = "8h"
        per_hour = 50
        per_customer = 5
        [[notifier]]
        id = "atkm"
        name = "Authority"
        kind = "authority"
        domains = ["authority.example"]
        [[notifier]]
        id = "atkm-auto"
        name = "Authority"
        kind = "authority"
        automatic = true
        [[notifier]]
        id = "friend"
        name = "Friend"
        kind = "other"
        """,
    )


def written(folder: Path, text: str) -> Settings:
    (folder / "goodhoster.toml").write_text(text)
    return load(folder / "goodhoster.toml")


def test_a_whole_profile(settings: Settings) -> None:
    assert notifiers(settings)[0] == Notifier(
        id="meldpunt",
        name="Meldpunt",
        kind=NotifierKind.HOTLINE,
        domains=("hotline.example",),
        deadline=8 * 3600,
        automatic=True,
        caps=NotifierCaps(50, 5),
        language="nl",
        layout="scart-table",
        dkim_keys=(
            DkimKey("mail", "hotline.example", "v=DKIM1; k=rsa; p=AAAA"),
            DkimKey("new", "hotline.example", "p=BBBB"),
        ),
        token_sha256=hashlib.sha256(TOKEN.encode()).digest(),
    )


def test_what_is_not_said_depends_on_who_it_is(settings: Settings) -> None:
    _, authority, by_choice, friend = notifiers(settings)
    assert (authority.deadline, authority.automatic) == (12 * 3600, False)
    assert by_choice.automatic
    assert (friend.deadline, friend.automatic, friend.language, friend.token_sha256) == (24 * 3600, False, None, b"")


CERTIFICATE = "-----BEGIN CERTIFICATE-----\n"
ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgYEAAAAABY=\n-----END PGP PUBLIC KEY BLOCK-----\n"


def test_keys_for_signed_mail_are_taken_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("subject=CN = Hotline\n" + CERTIFICATE)
    (tmp_path / "armor").write_text(ARMOR)
    profile = PROFILE + 'smime_certificates = "pem"\nopenpgp_keys = "armor"\n'
    (notifier,) = notifiers(written(tmp_path, profile))
    assert notifier.smime_certificates.endswith(CERTIFICATE.encode())
    assert notifier.openpgp_keys == ARMOR.encode()


def test_a_forwarder_with_and_without_pinned_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("arc._domainkey.helpdesk.example v=DKIM1; p=AAAA\n")
    tables = '[[forwarder]]\ndomain = "Helpdesk.example."\nkeys = "keys"\n[[forwarder]]\ndomain = "list.example"\n'
    assert forwarders(written(tmp_path, tables)) == (
        Forwarder("helpdesk.example", (DkimKey("arc", "helpdesk.example", "v=DKIM1; p=AAAA"),)),
        Forwarder("list.example"),
    )


PROFILE = '[[notifier]]\nid = "a"\nname = "A"\nkind = "hotline"\n'


@pytest.mark.parametrize(
    ("text", "file", "content", "says"),
    [
        (PROFILE + PROFILE, "", "", "two notifiers are called a"),
        (PROFILE + 'token_file = "t"\n', "", "", "cannot read the API token of a"),
        (PROFILE + 'token_file = "t"\n', "t", "short", "can be guessed"),
        (PROFILE + 'dkim_keys = "k"\n', "", "", "cannot read the keys"),
        (PROFILE + 'dkim_keys = "k"\n', "k", "v=DKIM1; p=AAAA\n", "line 1 is not a key"),
        (PROFILE.replace('"a"', '"../a b"'), "", "", "id = '../a b' cannot be used"),
        (PROFILE + 'smime_certificates = "k"\n', "", "", "cannot read the keys"),
        (PROFILE + 'smime_certificates = "k"\n', "k", "a certificate?", "holds no key of that kind"),
        (PROFILE + 'smime_certificates = "k"\n', "k", CERTIFICATE + "PRIVATE KEY", "holds a private key"),
        (PROFILE + 'openpgp_keys = "k"\n', "k", CERTIFICATE, "holds no key of that kind"),
        (
            PROFILE + 'openpgp_keys = "k"\n',
            "k",
            ARMOR.replace("xgYEAAAAABY=", "xggEAAAAAAEEAA=="),
            "hold none that is strong",
        ),
        (PROFILE + 'openpgp_keys = "k"\n', "k", ARMOR.replace("xgYEAAAAABY=", "AAAA"), "hold none that is strong"),
        (PROFILE + 'openpgp_keys = "k"\n', "k", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "holds a private key"),
        (PROFILE.replace("hotline", "police"), "", "", "kind = 'police' cannot be used"),
        (PROFILE + 'layout = "table"\n', "", "", "layout = 'table' cannot be used"),
        (PROFILE + "automatic = 1\n", "", "", "automatic = 1 cannot be used"),
        (PROFILE + 'domains = "a.example"\n', "", "", "domains = 'a.example' cannot be used"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(tmp_path: Path, text: str, file: str, content: str, says: str) -> None:
    if file:
        (tmp_path / file).write_text(content)
        (tmp_path / file).chmod(0o600)
    with pytest.raises(ConfigurationError) as refusal:
        notifiers(written(tmp_path, text))
    assert says in str(refusal.value)
    assert refusal.value.hint
