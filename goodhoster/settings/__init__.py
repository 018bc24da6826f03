"""goodhoster.toml (and conf.d) as frozen values.

A setting is one dataclass field made by `setting()`: name, default, unit and help live there and nowhere else; the
reference page and the sample file are made from it (`pages`). A new section is a settings class and one line in
`sections.Settings`; a new kind of hash source is a settings class and an entry point.
"""

from goodhoster.settings.notifiers import NotifierSettings
from goodhoster.settings.reading import PluggedTable, installed_kinds, read_plugged, read_section
from goodhoster.settings.rollout import RolloutSettings
from goodhoster.settings.secret import read_secret
from goodhoster.settings.sections import (
    DEFAULT_FILE,
    AgentSettings,
    HashServiceSettings,
    MoverSettings,
    PolicySettings,
    Settings,
    WatchSettings,
    load,
    load_partly,
)
from goodhoster.settings.values import (
    duration,
    listen_address,
    mail_address,
    one_of,
    path,
    setting,
    text,
    texts,
    whole,
    words,
    yes_or_no,
)

__all__ = [
    "DEFAULT_FILE",
    "AgentSettings",
    "HashServiceSettings",
    "MoverSettings",
    "NotifierSettings",
    "PluggedTable",
    "PolicySettings",
    "RolloutSettings",
    "Settings",
    "WatchSettings",
    "duration",
    "installed_kinds",
    "listen_address",
    "load",
    "load_partly",
    "mail_address",
    "one_of",
    "path",
    "read_plugged",
    "read_secret",
    "read_section",
    "setting",
    "text",
    "texts",
    "whole",
    "words",
    "yes_or_no",
]
