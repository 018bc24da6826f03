"""What goodhoster.toml and conf.d make of the settings, and what each mistake is told."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.settings import Settings, installed_kinds, load, one_of, path, read_plugged, setting, text


class Folder:
    """A folder with a goodhoster.toml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "goodhoster.toml"

    def write(self, content: str, name: str = "goodhoster.toml") -> Path:
        written = self.folder / name
        written.parent.mkdir(exist_ok=True)
        written.write_text(content)
        return written

    def load(self, content: str) -> Settings:
        return load(self.write(content))

    def refusal(self, content: str) -> tuple[str, str]:
        """What is wrong and what to do."""
        with pytest.raises(ConfigurationError) as caught:
            self.load(content)
        return str(caught.value), caught.value.hint


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_an_empty_file_is_the_defaults_and_acts_on_nothing(folder: Folder) -> None:
    settings = folder.load("")
    assert settings.policy.mode == "observe"
    assert settings.state_dir == Path("/var/lib/goodhoster")
    assert (settings.agent.reconcile_every, settings.policy.storm_customers) == (21600.0, 3)
    assert (settings.watches, settings.hash_sources) == ((), ())


def test_the_file_of_the_design_is_read(folder: Folder) -> None:
    settings = folder.load("""
        [agent]
        state_dir = "/srv/state"
        reconcile_every = "90min"
        [[watch]]
        path = "/srv/customers"
        customer = "first-directory"
        [[watch]]
        path = "/srv/big"
        customer = "c-7"
        [[hash_source]]
        kind = "list"
        [policy]
        mode = "enforce"
        storm_customers = 4
        measures_per_hour = 0
    """)
    assert (settings.state_dir, settings.agent.reconcile_every) == (Path("/srv/state"), 5400.0)
    assert [(str(watch.path), watch.customer) for watch in settings.watches] == [
        ("/srv/customers", "first-directory"),
        ("/srv/big", "c-7"),
    ]
    assert [source.kind for source in settings.hash_sources] == ["list"]
    assert (settings.policy.mode, settings.policy.storm_customers, settings.policy.measures_per_hour) == (
        "enforce",
        4,
        0,
    )


@pytest.mark.parametrize(
    ("content", "where", "what_next"),
    [
        ("[agnt]", "unknown key agnt", "did you mean agent?"),
        ("[policy]\nmod = 'observe'", "[policy]: unknown key mod", "did you mean mode?"),
        ("[[watch]]\npath = '/a'\ncustomers = 'x'", "[[watch]]: unknown key customers", "did you mean customer?"),
        ("zzzzzz = 1", "unknown key zzzzzz", "known are: agent, watch, bucket, hash_source"),
        ("[policy]\nmode = 'enforced'", "[policy]: mode = 'enforced'", 'give "observe" or "enforce"'),
        ("[agent]\nworkers = 0", "[agent]: workers = 0", "give a whole number from 1 to 256"),
        ("[agent]\nworkers = true", "[agent]: workers = True", "give a whole number from 1 to 256"),
        ("[agent]\nlargest_file = '1GB'", "largest_file = '1GB'", "a whole number of bytes from"),
        ("[agent]\nreconcile_every = 6", "reconcile_every = 6", "give a time with its unit"),
        ("[agent]\nreconcile_every = '6 hours'", "reconcile_every = '6 hours'", "give a time with its unit"),
        ("[agent]\nreconcile_every = '0s'", "reconcile_every = '0s'", "give a time with its unit"),
        ("[agent]\nreconcile_every = '٦h'", "reconcile_every", "give a time with its unit"),
        ("[hash_service]\nlisten = '127.0.0.1'", "listen = '127.0.0.1'", "give an address and a port"),
        ("[hash_service]\nlisten = '127.0.0.1:65536'", "listen", "give an address and a port"),
        ("[hash_service]\nlisten = '127.0.0.1:²'", "listen", "give an address and a port"),
        ("[hash_service]\nlisten = '::1:80'", "listen", "give an address and a port"),
        ("[[watch]]\npath = ''", "[[watch]]: path = ''", "give a path in quotes"),
        ('[[watch]]\npath = "a\\u0000b"', "[[watch]]: path", "give a path in quotes"),
        ("[[watch]]\ncustomer = 'c-7'", "[[watch]]: path is missing", 'add: path = "/srv/customers"'),
        ("[watch]\npath = '/srv'", "watch must be a section", "write it as [[watch]]"),
        ("[[agent]]\nworkers = 1", "agent must be a section", "write it as [agent]"),
        ("policy = 'enforce'", "policy must be a section", "write it as [policy]"),
        ("watch = ['/srv']", "watch must be a section", "write it as [[watch]]"),
        ("[[hash_source]]\nurl = 'x'", "[[hash_source]]: kind is missing", 'kind = "list"'),
        ("[smtp]\nhost = 'h'\nsender = 'Abuse <a@b>'", "[smtp]: sender =", "give a mail address"),
        ("[notices]\nhotline = 'nomail'", "hotline = 'nomail'", "give a mail address"),
        ("[[hash_source]]\nkind = 'list'\nowner = 'a@b, c@d'", "owner =", "give a mail address"),
        ("[policy\nmode='observe'", "is not valid TOML", "the line it names"),
    ],
)
def test_a_mistake_is_told_with_its_file_its_place_and_what_to_do(
    folder: Folder, content: str, where: str, what_next: str
) -> None:
    message, hint = folder.refusal(content)
    assert where in message
    assert str(folder.file) in message
    assert what_next in hint


def test_a_missing_file_says_how_to_make_one(folder: Folder) -> None:
    with pytest.raises(ConfigurationError, match="there is no configuration file") as caught:
        load(folder.file)
    assert "goodhoster setup" in caught.value.hint
    assert "goodhoster config sample" in caught.value.hint


def test_a_file_in_another_encoding_is_told(folder: Folder) -> None:
    folder.file.write_bytes("# é\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load(folder.file)


def test_conf_d_is_read_in_order_of_names_and_the_last_word_on_a_key_counts(folder: Folder) -> None:
    folder.write("[policy]\nmode = 'observe'\nstorm_customers = 20", "conf.d/20-second.toml")
    folder.write("[policy]\nstorm_customers = 10\nmeasures_per_hour = 1", "conf.d/10-first.toml")
    folder.write("[policy]\nstorm_customers = 99", "conf.d/30-not-read.toml.bak")
    policy = folder.load("[policy]\nmode = 'enforce'\nstorm_customers = 2").policy
    assert (policy.mode, policy.storm_customers, policy.measures_per_hour) == ("observe", 20, 1)


def test_sections_in_double_brackets_add_up(folder: Folder) -> None:
    folder.write("[[watch]]\npath = '/b'", "conf.d/b.toml")
    folder.write("[[watch]]\npath = '/c'", "conf.d/c.toml")
    assert [str(watch.path) for watch in folder.load("[[watch]]\npath = '/a'").watches] == ["/a", "/b", "/c"]


def test_a_mistake_in_conf_d_names_that_file(folder: Folder) -> None:
    part = folder.write("[policy]\nmode = 'off'", "conf.d/10.toml")
    message, _ = folder.refusal("[policy]\nmode = 'enforce'")
    assert message.startswith(f"{part}:2 [policy]: mode")


def test_a_conf_d_that_cannot_be_read_is_not_the_same_as_none(folder: Folder) -> None:
    folder.write("in the way", "conf.d")
    message, _ = folder.refusal("")
    assert str(folder.folder / "conf.d") in message


def test_a_relative_path_starts_at_the_folder_of_the_file_also_in_conf_d(folder: Folder) -> None:
    folder.write("[[watch]]\npath = 'sites'", "conf.d/a.toml")
    settings = folder.load("[agent]\nstate_dir = 'state'")
    assert settings.state_dir == folder.folder / "state"
    assert settings.watches[0].path == folder.folder / "sites"


def test_a_relative_name_of_the_file_itself_gives_absolute_paths(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("[agent]\nstate_dir = 'state'")
    monkeypatch.chdir(folder.folder)
    settings = load(Path("goodhoster.toml"))
    os.chdir("/")
    assert settings.state_dir == folder.folder / "state"


def test_an_ipv6_address_loses_its_brackets(folder: Folder) -> None:
    assert folder.load("[hash_service]\nlisten = '[::1]:80'").hash_service.listen == ("::1", 80)


@dataclass(frozen=True)
class Oracle:
    """A kind of hash source that somebody else wrote."""

    kind: str = setting(one_of("oracle"), "Which kind.", example='"oracle"')
    where: Path = setting(path, "Where.", example='"oracle"')  # noqa: RUF009 - it makes a field
    name: str = setting(text, "Name.", default="pythia")


def test_a_plugged_section_is_read_by_the_class_of_its_kind(folder: Folder) -> None:
    (plugged,) = folder.load("[[hash_source]]\nkind = 'oracle'\nwhere = 'delphi'").hash_sources
    assert read_plugged(plugged, {"oracle": Oracle}) == Oracle("oracle", folder.folder / "delphi", "pythia")
    with pytest.raises(ConfigurationError, match="unknown kind oracle") as caught:
        read_plugged(plugged, {"oracles": Oracle, "list": Oracle})
    assert caught.value.hint == "did you mean oracles?"


def test_a_mistake_in_a_plugged_section_names_its_kind(folder: Folder) -> None:
    part = folder.write("[[hash_source]]\nkind = 'list'\nurl = 'x'", "conf.d/lists.toml")
    (plugged,) = folder.load("").hash_sources
    with pytest.raises(ConfigurationError) as caught:
        read_plugged(plugged, installed_kinds("goodhoster.hash_sources"))
    assert str(caught.value) == f"{part}:3 [[hash_source]] list: unknown key url"


def test_everything_that_is_wrong_is_said_at_once_each_with_its_line(folder: Folder) -> None:
    part = folder.write("[agent]\nworkers = 0\n", "conf.d/a.toml")
    content = """
[agnt]
[[watch]]
path = "/a"
[[watch]]
customer = 7
custom = "x"

[policy]
mode = "enforced"   # wrong
storm_customers = "3"
[[hash_source]]
url = "x"
[imap]
"""
    file = folder.write(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    said = [str(error) for error in caught.value.all]
    assert said == [
        f"{file}:2: unknown key agnt",
        f"{part}:2 [agent]: workers = 0 cannot be used",
        f"{file}:7 [[watch]]: unknown key custom",
        f"{file}:6 [[watch]]: customer = 7 cannot be used",
        f"{file}:5 [[watch]]: path is missing",
        f"{file}:12 [[hash_source]]: kind is missing",
        f"{file}:10 [policy]: mode = 'enforced' cannot be used",
        f"{file}:11 [policy]: storm_customers = '3' cannot be used",
        f"{file}:14 [imap]: host is missing",
        f"{file}:14 [imap]: username is missing",
        f"{file}:14 [imap]: password_file is missing",
    ]


def test_nesting_without_end_is_a_mistake_in_the_file(folder: Folder) -> None:
    message, hint = folder.refusal("x = " + "[" * 50_000)
    assert "nested too deeply" in message
    assert hint
