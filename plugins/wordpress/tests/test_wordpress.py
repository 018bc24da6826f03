"""A real WordPress asks before it stores: every way a file can come, with goodhoster there, slow and away."""

import json
import shutil
import signal
import xmlrpc.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from goodhoster.model.cases import CaseState
from tests.apidoor import ApiHost, opened
from tests.webprojects import picture
from tests.wordpress_sites import ADMIN, PASSWORD, WORDPRESS, Site, serving_wordpress

pytestmark = [
    pytest.mark.debian("mariadb-server-core", program="mariadbd"),
    pytest.mark.debian("php-cli", program="php"),
    pytest.mark.skipif(not (WORDPRESS / "wp-load.php").exists(), reason="apt-get install wordpress"),
]
KNOWN, CLEAR = picture("red", 400), picture("green", 400)
HAS_CLIENT_SIZES = (WORDPRESS / "wp-includes/version.php").exists() and "$wp_version = '6." not in (
    WORDPRESS / "wp-includes/version.php"
).read_text()
"""Browsers make the sizes, and files come from an address: since WordPress 7.1."""
Way = Callable[[Site, httpx.Client, bytes], "tuple[int, str]"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host"), known=[KNOWN]) as host:
        yield host


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving_wordpress(tmp_path_factory.mktemp("wordpress")) as site:
        yield site


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    client = site.client()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def configured(site: Site, host: ApiHost) -> None:
    site.configure(address=host.address, token=host.secret, customer="anna", on_unchecked="closed", timeout=20)


def multipart(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    got = client.post("/?rest_route=/wp/v2/media", files={"file": ("me.png", content, "image/png")})
    return got.status_code, got.text


def raw(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    headers = {"Content-Disposition": 'attachment; filename="me.png"', "Content-Type": "image/png"}
    got = client.post("/?rest_route=/wp/v2/media", content=content, headers=headers)
    return got.status_code, got.text


def xml_rpc(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    file = {"name": "me.png", "type": "image/png", "bits": xmlrpc.client.Binary(content)}
    got = client.post("/xmlrpc.php", content=xmlrpc.client.dumps((1, ADMIN, PASSWORD, file), "wp.uploadFile"))
    assert got.status_code == 200
    try:
        xmlrpc.client.loads(got.content)
    except xmlrpc.client.Fault as fault:
        return fault.faultCode, fault.faultString
    return 201, got.text


def media_page(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    nonce = between(client.get("/wp-admin/media-new.php").text, '"_wpnonce":"', '"')
    sent = {"action": "upload-attachment", "_wpnonce": nonce, "name": "me.png"}
    got = client.post("/wp-admin/async-upload.php", data=sent, files={"async-upload": ("me.png", content, "image/png")})
    answer = got.json()
    return (201 if answer["success"] else 200), json.dumps(answer)


def plain_form(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    nonce = between(client.get("/wp-admin/media-new.php?browser-uploader").text, 'name="_wpnonce" value="', '"')
    sent = {"_wpnonce": nonce, "html-upload": "Upload"}
    got = client.post("/wp-admin/media-new.php", data=sent, files={"async-upload": ("me.png", content, "image/png")})
    return (201 if got.url.path.endswith("upload.php") else got.status_code), got.text


def address(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    (site.folder / "there.png").write_bytes(content)
    got = client.post("/?rest_route=/wp/v2/media", json={"url": f"{site.url}/there.png"})
    return got.status_code, got.text


def another_action(site: Site, client: httpx.Client, content: bytes) -> tuple[int, str]:
    """A plugin with an action of its own: only `wp_handle_upload` sees its files."""
    (site.folder.parent / "from-elsewhere.png").write_bytes(content)
    told = site.php(
        "require_once ABSPATH . 'wp-admin/includes/file.php'; $moved = wp_tempnam('me.png');"
        "copy('../from-elsewhere.png', $moved);"
        "$file = ['name' => 'me.png', 'tmp_name' => $moved, 'size' => 1, 'error' => 0];"
        "echo json_encode(wp_handle_sideload($file, ['action' => 'of_another_plugin', 'test_form' => false]));"
    )
    return (500 if "error" in json.loads(told) else 201), told


OLD_WAYS: dict[Way, int] = {
    multipart: 403,
    raw: 403,
    xml_rpc: 500,
    media_page: 200,
    plain_form: 500,
    another_action: 500,
}
"""What a refusal looks like. On its own pages the status is WordPress's; the text is what users see."""
WAYS = OLD_WAYS | ({address: 403} if HAS_CLIENT_SIZES else {})


def between(text: str, before: str, after: str) -> str:
    return text.split(before, 1)[1].split(after, 1)[0]


def new_files(site: Site, before: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in site.stored().items() if name not in before}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_known_material_is_refused_with_a_readable_text(
    way: Way, site: Site, client: httpx.Client, host: ApiHost
) -> None:
    before, number, attachments = site.stored(), len(host.cases()), count_attachments(site)
    status, text = way(site, client, KNOWN)
    cases = host.cases()[number:]
    assert [(case.state, case.upload.customer) for case in cases] == [(CaseState.REFUSED, "anna")]
    assert status == WAYS[way]
    assert "This file cannot be accepted here" in text
    assert cases[0].id in text
    assert cases[0].measures[0].detail.endswith("the application says: refused")
    assert new_files(site, before) == {}
    assert count_attachments(site) == attachments


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_clear_material_is_stored_as_it_came(way: Way, site: Site, client: httpx.Client) -> None:
    before = site.stored()
    status, text = way(site, client, CLEAR)
    assert status == 201, text
    assert CLEAR in new_files(site, before).values()


@pytest.mark.parametrize("way", OLD_WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("on_unchecked", ["open", "closed"])
def test_while_goodhoster_is_away(on_unchecked: str, way: Way, site: Site, client: httpx.Client) -> None:
    site.configure(address=f"unix:{site.folder}/nobody.sock", on_unchecked=on_unchecked)
    before = site.stored()
    status, text = way(site, client, CLEAR)
    if on_unchecked == "open":
        assert status == 201, text
        assert CLEAR in new_files(site, before).values()
    else:
        assert status == {403: 503}.get(WAYS[way], WAYS[way]), text
        assert "could not be checked" in text
        assert new_files(site, before) == {}


@pytest.mark.parametrize("on_unchecked", ["open", "closed"])
def test_goodhoster_that_does_not_answer_costs_the_timeout_and_no_more(
    on_unchecked: str, site: Site, client: httpx.Client, host: ApiHost
) -> None:
    assert host.process
    site.configure(timeout=0.5, on_unchecked=on_unchecked)
    host.process.send_signal(signal.SIGSTOP)
    try:
        status, _ = multipart(site, client, CLEAR + b"\0" * 1_000_000)
    finally:
        host.process.send_signal(signal.SIGCONT)
    assert status == (201 if on_unchecked == "open" else 503)
    assert "did not answer in time" in site.log


def test_over_tcp_and_over_the_socket_the_same(site: Site, client: httpx.Client, host: ApiHost) -> None:
    site.configure(address=host.url)
    assert multipart(site, client, KNOWN)[0] == 403
    assert multipart(site, client, CLEAR)[0] == 201


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"token": "wrong"}, "HTTP 401 a token is needed"), ({"address": "http://127.0.0.1:9"}, "goodhoster is away")],
)
def test_what_is_wrong_is_in_the_log_and_is_never_taken_for_clear(
    settings: dict[str, str], reason: str, site: Site, client: httpx.Client
) -> None:
    site.configure(**settings)
    assert multipart(site, client, CLEAR)[0] == 503
    assert reason in site.log


def test_a_file_larger_than_the_door_takes_is_unchecked(site: Site, client: httpx.Client, tmp_path: Path) -> None:
    with opened(tmp_path / "small", largest_body=1_000_000) as small:
        for address in (small.address, small.url):
            site.configure(address=address, token=small.secret)
            assert multipart(site, client, CLEAR + bytes(5_000_000))[0] == 503
    assert "HTTP 413 at most 1000000 bytes are taken here" in site.log


def test_each_retry_is_a_case_of_its_own(site: Site, client: httpx.Client, host: ApiHost) -> None:
    number = len(host.cases())
    for _ in range(3):
        multipart(site, client, KNOWN)
    assert len({case.id for case in host.cases()[number:]}) == 3


def test_an_upload_is_asked_about_once(site: Site, client: httpx.Client, host: ApiHost) -> None:
    """What was held or let through is not asked about again by the filter after the move."""
    with opened(site.folder.parent / "observing", mode="observe", known=[KNOWN]) as observing:
        site.configure(address=observing.address, token=observing.secret)
        assert multipart(site, client, KNOWN)[0] == 201
        assert [case.state for case in observing.cases()] == [CaseState.OBSERVED]


def song(cover: bytes) -> bytes:
    frame = b"\0image/png\0\x03\0" + cover
    tag = b"APIC" + len(frame).to_bytes(4) + b"\0\0" + frame
    size = bytes(len(tag) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + tag + (b"\xff\xfb\x90\0" + bytes(413)) * 40


def test_a_song_with_known_cover_art_is_refused_whole(site: Site, client: httpx.Client, host: ApiHost) -> None:
    before, number = site.stored(), len(host.cases())
    got = client.post("/?rest_route=/wp/v2/media", files={"file": ("me.mp3", song(KNOWN), "audio/mpeg")})
    assert got.status_code == 403, got.text
    assert new_files(site, before) == {}
    assert len(host.cases()) == number + 1
    got = client.post("/?rest_route=/wp/v2/media", files={"file": ("me.mp3", song(CLEAR), "audio/mpeg")})
    assert got.status_code == 201, got.text
    assert song(CLEAR) in new_files(site, before).values()


def test_what_is_written_as_bytes_is_refused(site: Site) -> None:
    """As WordPress writes cover art."""
    (site.folder.parent / "bits").write_bytes(KNOWN)
    told = site.php("echo json_encode(wp_upload_bits('cover.png', null, file_get_contents('../bits')));")
    assert "cannot be accepted here" in json.loads(told)["error"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("", "cannot be accepted"),
        ("nl_NL", "niet worden geaccepteerd"),
        ("nl_BE", "niet worden geaccepteerd"),
        ("de_DE_formal", "nicht angenommen"),
        ("fr_FR", "cannot be accepted"),
    ],
)
def test_the_text_is_in_the_language_of_the_site(locale: str, words: str, site: Site, client: httpx.Client) -> None:
    if locale:  # WordPress takes a language only where it has one itself
        languages = site.folder / "wp-content/languages"
        languages.mkdir(exist_ok=True)
        shutil.copy(
            site.folder / "wp-content/plugins/goodhoster/languages/goodhoster-nl_NL.mo", languages / f"{locale}.mo"
        )
    site.php(f"update_option('WPLANG', '{locale}');")
    try:
        assert words in json.loads(multipart(site, client, KNOWN)[1])["message"]
    finally:
        site.php("update_option('WPLANG', '');")


def uploaded(client: httpx.Client, content: bytes = CLEAR, name: str = "taken.png") -> dict[str, Any]:
    got = client.post("/?rest_route=/wp/v2/media", files={"file": (name, content, "image/png")})
    assert got.status_code == 201, got.text
    answer: dict[str, Any] = got.json()
    return answer


def modes(site: Site, told: dict[str, Any]) -> set[int]:
    uploads = site.folder / "wp-content/uploads"
    return {(uploads / file["file"]).stat().st_mode & 0o7777 for file in told["files"]}


def test_an_attachment_is_taken_offline_with_all_its_sizes_and_put_back(site: Site, client: httpx.Client) -> None:
    made = uploaded(client)
    sizes = made["media_details"]["sizes"]
    assert len(sizes) >= 3
    one = sizes["thumbnail"]["source_url"]
    told = client.post("/?rest_route=/goodhoster/v1/takedown", json={"url": one, "reason": "case 1"}).json()
    assert told["done"], told
    assert told["attachment"] == made["id"]
    names = {Path(file["file"]).name for file in told["files"]}
    assert names >= {size["file"] for size in sizes.values()} | {Path(made["source_url"]).name}
    assert {file["state"] for file in told["files"]} == {"closed"}
    assert modes(site, told) == {0}
    again = client.post("/?rest_route=/goodhoster/v1/takedown", json={"attachment": made["id"]}).json()
    assert again["done"]
    back = client.post("/?rest_route=/goodhoster/v1/restore", json={"attachment": made["id"]}).json()
    assert {file["state"] for file in back["files"]} == {"open"}
    assert modes(site, back) == {0o644}


def test_what_is_missing_or_a_link_is_told(site: Site, client: httpx.Client, tmp_path: Path) -> None:
    made = uploaded(client, name="odd.png")
    uploads = site.folder / "wp-content/uploads"
    thumbnail = uploads / between(made["media_details"]["sizes"]["thumbnail"]["source_url"], "/uploads/", "?")
    (tmp_path / "elsewhere").write_text("of somebody else")
    (tmp_path / "elsewhere").chmod(0o640)
    thumbnail.unlink()
    got = client.post("/?rest_route=/goodhoster/v1/takedown", json={"attachment": made["id"]})
    assert sorted({file["state"] for file in got.json()["files"]}) == ["closed", "missing"]
    thumbnail.symlink_to(tmp_path / "elsewhere")
    got = client.post("/?rest_route=/goodhoster/v1/takedown", json={"attachment": made["id"]})
    assert (got.status_code, got.json()["done"]) == (500, False)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o640
    thumbnail.unlink()


def test_only_an_administrator_takes_offline(site: Site, client: httpx.Client) -> None:
    made = uploaded(client, name="mine.png")
    with httpx.Client(base_url=site.url, timeout=60) as nobody:
        for verb in ("takedown", "restore"):
            got = nobody.post(f"/?rest_route=/goodhoster/v1/{verb}", json={"attachment": made["id"]})
            assert got.status_code == 401
    told = site.php(
        "wp_set_current_user(wp_insert_user(['user_login' => 'editor', 'user_pass' => 'x', 'role' => 'editor']));"
        "echo json_encode((new Goodhoster\\Takedown_Api)->may());"
    )
    assert told == "false"
    got = client.post("/?rest_route=/goodhoster/v1/takedown", json={"attachment": 1})  # a post
    assert got.status_code == 404


if HAS_CLIENT_SIZES:

    @pytest.mark.parametrize("size", ["source_original", "thumbnail"])
    def test_a_known_size_from_the_browser_is_refused_and_takes_its_attachment_offline(
        size: str, site: Site, client: httpx.Client, host: ApiHost
    ) -> None:
        made = uploaded(client, name="converted.png")
        before = site.stored()
        number = len(host.cases())
        headers = {"Content-Disposition": 'attachment; filename="converted-original.png"', "Content-Type": "image/png"}
        route = f"/?rest_route=/wp/v2/media/{made['id']}/sideload&image_size={size}"
        got = client.post(route, content=KNOWN, headers=headers)
        assert got.status_code == 403, got.text
        assert host.cases()[number].id in got.json()["message"]
        assert new_files(site, before) == {}
        main = site.folder / "wp-content/uploads" / between(made["source_url"] + "?", "/uploads/", "?")
        assert main.stat().st_mode & 0o777 == 0
        clear = client.post(route, content=picture("green", 150), headers=headers)
        assert clear.status_code in {200, 201}, clear.text


def test_site_health_says_whether_uploads_are_checked(site: Site, tmp_path: Path) -> None:
    code = (
        "$tests = apply_filters('site_status_tests', ['direct' => []]);"
        "echo json_encode(call_user_func($tests['direct']['goodhoster']['test']));"
    )
    good = json.loads(site.php(code))
    assert (good["status"], good["label"]) == ("good", "Uploads are checked")
    site.configure(address=f"unix:{tmp_path}/nobody.sock")
    away = json.loads(site.php(code))
    assert (away["status"], away["label"]) == ("critical", "Uploads are not checked")
    assert "They are refused until that is mended." in away["description"]
    wrong = json.loads(site.php(code, load="define('GOODHOSTER_ON_UNCHECKED', 'opne'); require 'wp-load.php';"))
    assert "These settings are not usable: on_unchecked." in wrong["description"]


def test_a_setting_that_is_written_wrongly_stores_nothing_more(site: Site, tmp_path: Path) -> None:
    code = "echo Goodhoster\\Settings::get('on_unchecked'), ' ', Goodhoster\\Settings::get('address');"
    head = "define('GOODHOSTER_ON_UNCHECKED', 'opne'); define('GOODHOSTER_ADDRESS', 'https://example.org');"
    assert site.php(code, load=f"{head} require 'wp-load.php';") == "closed "


def test_the_settings_page_shows_and_stores(site: Site, client: httpx.Client, host: ApiHost) -> None:
    page = client.get("/wp-admin/options-general.php?page=goodhoster").text
    assert "Goodhoster answers" in page
    assert host.secret not in page
    nonce = between(page, 'name="_wpnonce" value="', '"')
    form = {
        "action": "goodhoster_save",
        "address": "http://127.0.0.1:1",
        "token": "",
        "customer": "bert<b>",
        "timeout": "900",
    }
    assert client.post("/wp-admin/admin-post.php", data=form).status_code == 403
    got = client.post("/wp-admin/admin-post.php", data={**form, "_wpnonce": nonce, "on_unchecked": "open"})
    assert "These settings are not usable: timeout." in got.text
    names = "['address', 'token', 'customer', 'on_unchecked', 'timeout']"
    code = f"foreach ({names} as $name) echo Goodhoster\\Settings::get($name), ' ';"
    assert site.php(code) == f"http://127.0.0.1:1 {host.secret} bert open 20 "


def test_php_had_nothing_to_say_about_the_plugin(site: Site) -> None:
    assert [line for line in site.log.splitlines() if "plugins/goodhoster" in line or "Fatal" in line] == []


def count_attachments(site: Site) -> int:
    return int(site.php("echo array_sum((array) wp_count_attachments());"))


NETWORK = """
foreach ($wpdb->tables('ms_global') as $table => $named) { $wpdb->$table = $named; }
install_network();
populate_network(1, 'localhost', 'admin@example.org', 'Network', '/', false);
"""
IS_NETWORK = """
$_SERVER['HTTP_HOST'] = 'localhost';  // a network takes no other port than the usual ones
define('MULTISITE', true); define('SUBDOMAIN_INSTALL', false); define('DOMAIN_CURRENT_SITE', 'localhost');
define('PATH_CURRENT_SITE', '/'); define('SITE_ID_CURRENT_SITE', 1); define('BLOG_ID_CURRENT_SITE', 1);
"""


def test_on_a_network_every_site_asks_with_the_settings_of_the_network(host: ApiHost, tmp_path: Path) -> None:
    with serving_wordpress(tmp_path / "network", IS_NETWORK, NETWORK) as network:
        network.configure(address=host.address, token=host.secret, on_unchecked="closed")
        (tmp_path / "known.png").write_bytes(KNOWN)
        told = network.php(
            "$id = wp_insert_site(['domain' => 'localhost', 'path' => '/second/', 'user_id' => 1]);"
            "switch_to_blog($id);"
            f"foreach (['{tmp_path}/known.png', ABSPATH . 'wp-admin/images/wordpress-logo.png'] as $path)"
            " echo wp_upload_bits('me.png', null, file_get_contents($path))['error'] ?: 'stored', PHP_EOL;"
            "$local = ['user_login' => 'local', 'user_pass' => 'x', 'role' => 'administrator'];"
            "wp_set_current_user(wp_insert_user($local));"
            "echo json_encode((new Goodhoster\\Takedown_Api)->may());"
        )
        assert told.count("\n") == 2, told
        refused, stored, may = told.splitlines()
        assert "cannot be accepted here" in refused
        assert stored == "stored"
        assert may == "false", "an administrator of one site is none of the network"
        page = network.php(
            "wp_set_current_user(1); (new Goodhoster\\Settings_Page)->show();",
            load="define('WP_ADMIN', true); require 'wp-load.php'; require 'wp-admin/includes/admin.php';",
        )
        assert "Goodhoster answers" in page
