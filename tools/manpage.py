"""packaging/man/goodhoster.1, made from the program's own help."""

import re
from collections.abc import Iterator
from importlib.metadata import version

from commandline import Command, Parameter, program

HEAD = """\
.\\" Made from the program by ./dev docs: change the help texts instead.
.TH GOODHOSTER 1 "" "goodhoster {version}" "User Commands"
.SH NAME
goodhoster \\- finds known CSAM in uploads by hash, takes it offline reversibly, and proves it
.SH SYNOPSIS
.B goodhoster
.I COMMAND
.RI [ ARGUMENTS ]
.SH DESCRIPTION
A hosting provider runs
.B goodhoster run
on its own servers. It notices every new file below the watched trees, asks the hash service and own lists whether its
digests are known, and, in mode
.BR enforce ,
takes known files offline in a way that can be undone exactly. Every measure is in the audit log before it is done.
Only digests leave the machine. What could not be checked is
.IR unchecked ,
never clear, and is tried again.
.SH COMMANDS
"""

TAIL = """\
.SH EXIT STATUS
.TP
.B 0
Fine.
.TP
.B 1
The answer is "known", "not whole" or "falls short".
.TP
.B 2
Wrong use or configuration.
.TP
.B 3
Could not be checked.
.SH ENVIRONMENT
.TP
.B GOODHOSTER_CONFIG
The configuration file where
.B \\-\\-config
names none.
.SH FILES
.TP
.I /etc/goodhoster/goodhoster.toml
The configuration;
.I conf.d/*.toml
beside it are read after it.
.B goodhoster config reference
tells every setting.
.TP
.I /var/lib/goodhoster
Index, queue, record, audit log and own lists, unless
.B agent.state_dir
says otherwise.
"""


GROUP = """\
.\\" Made from the program by ./dev docs: change the help texts instead.
.TH GOODHOSTER\\-{upper} 1 "" "goodhoster {version}" "User Commands"
.SH NAME
goodhoster\\-{name} \\- {purpose}
.SH COMMANDS
{sections}.SH SEE ALSO
.BR goodhoster (1),
which tells of exit status, environment and files.
"""


def man_page() -> str:
    """The page, in the man macros that every system has."""
    commands = "".join(line + "\n" for command in program().leaves() for line in _section(command))
    return HEAD.format(version=version("goodhoster")) + commands + TAIL


def page_of(name: str) -> str:
    """The page of one command, or of a group of commands."""
    command = program().commands[name]
    purpose = _text(re.sub(r"\s+", " ", (command.help or name).partition("\n\n")[0]).strip().rstrip("."))
    sections = "".join(line + "\n" for leaf in command.leaves() for line in _section(leaf))
    return GROUP.format(
        upper=name.upper(),
        name=name.replace("-", "\\-"),
        version=version("goodhoster"),
        purpose=purpose,
        sections=sections,
    )


def _section(command: Command) -> Iterator[str]:
    yield ".TP"
    yield " ".join([f"\\fB{_text(' '.join(command.words))}\\fR", *map(_usage, command.parameters)])
    yield _text(re.sub(r"\s+", " ", command.help))
    yield ".RS"
    for parameter in command.parameters:
        if parameter.help:
            yield ".TP"
            yield _name(parameter)
            yield _text(parameter.help)
    yield ".RE"


def _usage(parameter: Parameter) -> str:
    shown = _name(parameter) + (" …" if parameter.repeated else "")
    return shown if parameter.required else f"[{shown}]"


def _name(parameter: Parameter) -> str:
    flags = "|".join(f"\\fB{_text(flag)}\\fR" for flag in parameter.flags)
    value = f"\\fI{_text(parameter.value)}\\fR" if parameter.value else ""
    return " ".join(filter(None, [flags, value]))


def _text(words: str) -> str:
    """Words for roff: a hyphen that can be copied, and no line that is read as a macro."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped)
