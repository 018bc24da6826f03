"""Each command has a right, each path of a command is accounted for, and nothing of a line gets around that."""

import pytest

from goodhoster.errors import RefusedError
from goodhoster.settings.roles import RolesSettings
from goodhoster_agent.commands.typed_line import all_commands, command_names, read_line
from goodhoster_agent.people.messages import INPUT, Attached, CommandRequest
from goodhoster_agent.people.rights import ACCESS, TEXTS_THAT_NAME_FILES, Access, Right
from goodhoster_agent.people.roles import ALL, HostAccount, rights_of
from goodhoster_agent.people.service import expect_permitted
from goodhoster_agent.people.workspace import expect_files_sent

EVE = HostAccount(61001, "eve", frozenset({"abuse-desk"}))
PATHS = {"path", "file", "directory", "filename"}


def test_every_command_is_in_the_table_and_no_other() -> None:
    assert sorted(ACCESS) == sorted(command_names())


def test_every_path_of_a_command_for_people_is_said_to_be_read_written_or_a_label() -> None:
    for words, command in all_commands():
        access = ACCESS[words]
        if access.right is None:
            continue
        there = {each.name for each in command.params if each.type.name in PATHS} - {"config"}
        assert there == {*access.reads, *access.labels, *([access.writes] if access.writes else [])}, words


ACTING = {
    "customers statement": {"resend": Right.DECIDE},
    "doctor": {"ask_outside": Right.DECIDE},
}
"""Options that change, send or ask others, of commands that otherwise show; all of them."""


def test_every_option_of_a_command_that_shows_is_declared_to_show_or_needs_a_right() -> None:
    """An option that nobody declared needs `decide`: a new one stands here before anybody who only sees has it."""
    found: dict[str, dict[str | None, Right]] = {}
    for words, command in all_commands():
        needed = {one.name: right for one in command.params if (right := ACCESS[words].option_right(one.name))}
        if needed:
            found[words] = needed
    assert found == ACTING


def test_what_is_declared_to_show_is_a_parameter_of_a_command_that_shows() -> None:
    for words, command in all_commands():
        declared = set(ACCESS[words].shows)
        assert declared <= {each.name for each in command.params}, words
        assert not declared or ACCESS[words].right is Right.SEE, words


def test_an_option_that_nobody_declared_needs_the_right_to_decide() -> None:
    assert Access(Right.SEE, shows=("subject",)).option_right("something_new") is Right.DECIDE
    assert Access(Right.SEE, shows=("subject",)).option_right("subject") is None
    assert Access(Right.CHANGE).option_right("something_new") is None  # the command's own right covers it


@pytest.mark.parametrize(
    "argv",
    [
        ("customers", "statement", "case:x", "--resend"),
        ("customers", "statement", "--resend", "case:x"),
        ("customers", "statement", "--resend", "--preview", "--", "case:x"),
        ("doctor", "--ask-outside", "--json"),
    ],
)
def test_an_option_that_acts_needs_the_right_to_decide(argv: tuple[str, ...]) -> None:
    with pytest.raises(RefusedError, match="needs the right to decide, and eve may see"):
        permitted(*argv, rights=frozenset({Right.SEE}))
    permitted(*argv, rights=frozenset({Right.SEE, Right.DECIDE}))


def test_texts_that_name_files_are_parameters_of_their_commands() -> None:
    commands = dict(all_commands())
    for words, parameters in TEXTS_THAT_NAME_FILES.items():
        assert parameters.keys() <= {each.name for each in commands[words].params}


def test_no_command_has_an_option_that_changes_files_of_a_shell() -> None:
    names = {each.name for _, command in all_commands() for each in command.params}
    assert not {name for name in names if "completion" in (name or "")}


def permitted(
    *argv: str, account: HostAccount = EVE, rights: frozenset[Right] = ALL, sent: tuple[str, ...] = ()
) -> None:
    """What the service looks at before it runs anything."""
    line = read_line(argv)
    expect_permitted(account, rights, line)
    expect_files_sent(line, CommandRequest(argv, tuple(Attached(name, 0) for name in sent)))


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("cases", "list", "--config", "/tmp/mine.toml"), "configuration"),
        (("cases", "list", "--config=/tmp/mine.toml"), "configuration"),
        (("--config", "/tmp/mine.toml", "cases", "list"), "no command"),
        (("cases", "--config", "/tmp/mine.toml", "list"), "no command"),
        (("--version",), "no command"),
        (("cases",), "no command"),
        (("cases", "lis"), "no command goodhoster cases lis"),
        (("nonsense",), "no command goodhoster nonsense"),
        (("cases", "--install-completion", "bash"), "no command"),
        (("status", "--install-completion", "bash"), "No such option"),
        (("cases", "list", "--conf", "/tmp/mine.toml"), "No such option"),
        (("cases", "list", "/etc/shadow"), "unexpected argument: '/etc/shadow'"),
        (("policy", "explain", "--what-if", "/etc/shadow"), "root's rights"),
        (("policy", "explain", "--what-if=/etc/shadow"), "root's rights"),
        (("notices", "receive", "/etc/shadow"), "did not come"),
        (("notices", "receive", "--", "/etc/shadow"), "did not come"),
        (("notices", "reconcile", "/dev/stdin"), "did not come"),
        (("hashlist", "import", "list.txt", "/etc/shadow", "--source", "own"), "did not come"),
        (("customers", "appeal", "anna", "--about", "x", "--text", "/etc/shadow"), "did not come"),
        (("audit", "verify", "--checkpoint", "/etc/shadow"), "did not come"),
        (("audit", "export", "--case", "x", "--to", "/etc/cron.d/x"), "not a new name"),
        (("audit", "export", "--case", "x", "--to", "../x"), "not a new name"),
        (("audit", "export", "--case", "x", "--to", ".."), "not a new name"),
        (("audit", "export", "--case", "x", "--to=/etc/cron.d/x"), "not a new name"),
        (("audit", "export", "--case", "x", "--to", ".input"), "not a new name"),
        (("report", "transparency", "--xlsx", "/root/x"), "not a new name"),
        (("customers", "export", "anna", "--to", "a/b"), "not a new name"),
        (("check", "/etc/shadow"), "can only be run by root"),
        (("scan", "/srv"), "can only be run by root"),
        (("state", "backup", "x"), "can only be run by root"),
        (("people", "serve"), "can only be run by root"),
        (("evidence", "destroy", "E1", "--reason", "x"), "can only be run by root"),
        (("config", "reference"), "run it yourself"),
    ],
)
def test_a_line_that_would_have_root_open_something_is_refused(argv: tuple[str, ...], why: str) -> None:
    with pytest.raises(RefusedError) as refused:
        permitted(*argv)
    assert why in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    ("argv", "sent"),
    [
        (("cases", "list", "--state", "held", "--json"), ()),
        (("customers", "statement", "case:x", "--preview"), ()),
        (("hashlist", "import", "list.txt", "more.csv", "--source", "own"), ("list.txt", "more.csv")),
        (("notices", "receive"), (INPUT,)),
        (("notices", "receive", "mail.eml"), ("mail.eml",)),
        (("audit", "export", "--case", "x", "--to", "case-1"), ()),
        (("audit", "export", "--case", "x", "--to", "case-1", "--since", "c.txt"), ("c.txt",)),
        (("policy", "explain", "--customer", "anna", "--what-if", "incident"), ()),
        (("customers", "legal-basis", "set", "--basis", "x", "--tree", "/srv/customers"), ()),
        (("cases", "note", "20260101-abcdefg", "--", "--config /etc/shadow"), ()),
    ],
)
def test_what_people_need_is_permitted(argv: tuple[str, ...], sent: tuple[str, ...]) -> None:
    permitted(*argv, sent=sent)


def test_what_came_and_is_read_by_nothing_is_refused() -> None:
    with pytest.raises(RefusedError, match="did not come"):
        permitted("cases", "list", sent=("x",))
    with pytest.raises(RefusedError, match="not a new name"):
        permitted("audit", "export", "--case", "x", "--to", "a", "--since", "a", sent=("a",))


@pytest.mark.parametrize(
    ("right", "argv"),
    [
        (Right.DECIDE, ("cases", "confirm", "x", "--reason", "x")),
        (Right.CHANGE, ("hashlist", "remove", "own")),
        (Right.EXPORT, ("audit", "checkpoint")),
    ],
)
def test_each_right_permits_its_own_commands_alone(right: Right, argv: tuple[str, ...]) -> None:
    for other in Right:
        if other is right:
            permitted(*argv, rights=frozenset({Right.SEE, other}))
        else:
            with pytest.raises(RefusedError, match=f"needs the right to {right}"):
                permitted(*argv, rights=frozenset({Right.SEE, other}))


def test_rights_come_from_groups_and_include_seeing() -> None:
    roles = RolesSettings(see=("auditors",), decide=("abuse-desk",), change=("leads",), export=("auditors",))
    assert rights_of(EVE, roles) == {Right.SEE, Right.DECIDE}
    assert rights_of(HostAccount(61002, "max", frozenset({"auditors", "users"})), roles) == {Right.SEE, Right.EXPORT}
    assert rights_of(HostAccount(61003, "mallory", frozenset({"users"})), roles) == frozenset()
    assert rights_of(HostAccount(0, "root", frozenset()), roles) == ALL
    assert rights_of(EVE, RolesSettings()) == frozenset()
