"""The sections of goodhoster.toml: what can be set, and the table of all sections.

Reading never half-succeeds: what is wrong raises one ConfigurationError, with all of it: which file, line and key, and
what to do.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goodhoster.settings.alerts import AlertSettings
from goodhoster.settings.all_errors import AllErrors, gathered
from goodhoster.settings.api import ApiSettings
from goodhoster.settings.audit import AuditSettings, TimestampSettings, WitnessSettings
from goodhoster.settings.buckets import BucketSettings
from goodhoster.settings.contacts import ContactSettings
from goodhoster.settings.crawl import CrawlSettings
from goodhoster.settings.doors import ClamdDoorSettings, IcapDoorSettings
from goodhoster.settings.evidence import EvidenceSettings
from goodhoster.settings.house_rules import HouseRulesSettings
from goodhoster.settings.metrics import MetricsSettings
from goodhoster.settings.notices import (
    BlockSettings,
    ImapSettings,
    NoticesSettings,
    PagingSettings,
    PurgeSettings,
    SmtpSettings,
)
from goodhoster.settings.notifiers import ForwarderSettings, NotifierSettings
from goodhoster.settings.panels import BillingSettings, NetworkBlockSettings, PanelSettings
from goodhoster.settings.reading import Plugged, PluggedTable, Section, Several, Single, read_files
from goodhoster.settings.reports import ReportsSettings
from goodhoster.settings.retention import RetentionSettings
from goodhoster.settings.roles import RolesSettings
from goodhoster.settings.rollout import RolloutSettings
from goodhoster.settings.screening import ScreeningSettings
from goodhoster.settings.values import duration, listen_address, one_of, path, setting, text, whole
from goodhoster.settings.vetting import VettingSettings

DEFAULT_FILE = Path("/etc/goodhoster/goodhoster.toml")


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """[agent]: the daemon."""

    state_dir: Path = setting(
        path, "Index, queue, record, audit log and own lists live here.", default=Path("/var/lib/goodhoster")
    )
    reconcile_every: float = setting(duration, "How often every tree is compared with the index.", default=6 * 3600.0)
    events: str = setting(
        one_of("auto", "fanotify", "watchdog", "scan"),
        "Where events about new files come from; auto takes the first of these that this process may use.",
        default="auto",
    )
    workers: int = setting(whole(1, 256), "Files that are checked at the same time.", default=16)
    settle: float = setting(
        duration, "How long a file found by scanning must be unchanged before it is checked.", default=2.0
    )
    ask_again_after: float | None = setting(
        duration,
        "Ask services about a picture again this long after the last time; absent: never.",
        default=None,
        example='"90d"',
    )
    ask_again_per_hour: int = setting(
        whole(1, 10_000_000, "files"), "Pictures asked about again in an hour, at most.", default=3600
    )
    import_sites_every: float | None = setting(
        duration,
        "How often the sites of every [[directory]] are read into the register of customers; absent: only by command.",
        default=None,
        example='"1h"',
    )
    ask_about: str = setting(
        one_of("pictures", "everything"),
        'What services are asked about. "pictures": pictures and videos, by their first bytes or their suffix; left '
        "out are all other files, such as texts, programs, sounds and documents themselves. Own lists compare every "
        "file, and what is inside archives and documents is asked about in either case. `status` counts what is left "
        "out.",
        default="pictures",
    )
    largest_file: int = setting(
        whole(1, 1 << 50, "bytes"), "A larger file is unchecked (too-big), never clear.", default=2 << 30
    )


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """[[watch]]: a tree with customers' files."""

    path: Path = setting(path, "The tree; everything below it is covered.", example='"/srv/customers"')
    customer: str = setting(
        text,
        'Whose files these are: "first-directory" (one directory per customer below the tree), "register" (by the '
        "document roots in the register of customers, else the first directory), or a customer's id.",
        default="first-directory",
    )
    include_private_communication: str | None = setting(
        text,
        "Mail and chat stores are left alone; a written reason here has them checked too, and goes into the audit log.",
        default=None,
        example='"order of the court of …, reference …"',
    )


@dataclass(frozen=True, slots=True)
class HashingSettings:
    """[hashing]: limits for opening pictures, archives, documents; files beyond are unchecked."""

    processes: int = setting(whole(0, 256), "Sandboxed processes at most; 0: one for each core.", default=0)
    largest_picture: int = setting(
        whole(1, 1 << 40, "pixels"), "To be decoded in one file, all its frames together.", default=150_000_000
    )
    frames: int = setting(
        whole(1, 1000), "Frames of an animation and pages of a document that get fingerprints.", default=16
    )
    members: int = setting(
        whole(0, 5000), "Pictures and videos in one archive or document that are asked about.", default=1000
    )
    unpacked: int = setting(whole(1, 1 << 50, "bytes"), "To be unpacked from one archive or document.", default=1 << 30)
    seconds: float = setting(duration, "For opening one file; then its process is ended.", default=20.0)
    memory: int = setting(whole(1 << 26, 1 << 40, "bytes"), "For opening one file.", default=1 << 30)
    photodna: str | None = setting(
        text,
        "Your licensed library for PhotoDNA, by its name among the entry points goodhoster.fingerprinters.",
        default=None,
        example='"our-library"',
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """[policy]: what happens to matches, and when a person decides."""

    mode: str = setting(
        one_of("observe", "enforce"), "observe records what would be done and touches nothing.", default="observe"
    )
    storm_customers: int = setting(
        whole(1, 1_000_000), "The same digest at this many customers is held for a person.", default=3
    )
    measures_per_hour: int = setting(
        whole(0, 1_000_000),
        "More contents of one customer, or by one source, in an hour are held for a person.",
        default=100,
    )
    source_measures_per_hour: int | None = setting(
        whole(0, 1_000_000), "The same for each source; absent: as measures_per_hour.", default=None, example="50"
    )
    rate_times: int = setting(
        whole(2, 1_000_000),
        "Matches of a source are held when they come this many times as often as usual.",
        default=10,
    )
    answers_count_for: float = setting(
        duration,
        "A measure that would come later than this after its sources answered asks them again first.",
        default=30.0,
    )
    near: str = setting(
        one_of("hold", "act", "record"), "What a match by fingerprint alone may lead to at most.", default="hold"
    )
    baseline: str = setting(one_of("act", "hold", "record"), "What a match of this category leads to.", default="act")
    illegal: str = setting(one_of("act", "hold", "record"), "What a match of this category leads to.", default="act")
    investigative: str = setting(
        one_of("act", "hold", "record"), "What a match of this category leads to.", default="hold"
    )
    other: str = setting(one_of("record", "hold"), "This category never acts.", default="record")
    unspecified: str = setting(
        one_of("act", "hold", "record"), "The same where the source gives no category.", default="act"
    )


@dataclass(frozen=True, slots=True)
class MoverSettings:
    """[mover]: quarantines and restores files. The daemon starts one where none listens."""

    socket: Path | None = setting(
        path,
        "Where it listens; mover.sock in agent.state_dir when nothing is set.",
        default=None,
        example='"/run/goodhoster/mover.sock"',
    )
    user: str | None = setting(
        text,
        "The daemon's account, where it is neither root nor the mover's own: its orders are taken.",
        default=None,
        example='"goodhoster"',
    )


@dataclass(frozen=True, slots=True)
class HashServiceSettings:
    """[hash_service]: the compatible server, `goodhoster hashservice serve`."""

    listen: tuple[str, int] = setting(
        listen_address, "Host and port; put a TLS proxy in front of it for others.", default=("127.0.0.1", 8460)
    )


def _section(section: Section) -> Any:
    return field(metadata={"section": section})


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    Each field but `file` is a section: this is the table of all there are.
    """

    file: Path
    agent: AgentSettings = _section(Single("agent", AgentSettings))
    watches: tuple[WatchSettings, ...] = _section(Several("watch", WatchSettings, needed=True))
    buckets: tuple[BucketSettings, ...] = _section(Several("bucket", BucketSettings))
    hash_sources: tuple[PluggedTable, ...] = _section(
        Plugged("hash_source", "goodhoster.hash_sources", RolloutSettings)
    )
    hashing: HashingSettings = _section(Single("hashing", HashingSettings))
    policy: PolicySettings = _section(Single("policy", PolicySettings))
    house_rules: HouseRulesSettings = _section(Single("house_rules", HouseRulesSettings))
    audit: AuditSettings = _section(Single("audit", AuditSettings))
    timestamps: tuple[TimestampSettings, ...] = _section(Several("timestamp", TimestampSettings))
    evidence: EvidenceSettings = _section(Single("evidence", EvidenceSettings))
    witness: WitnessSettings = _section(Single("witness", WitnessSettings))
    mover: MoverSettings = _section(Single("mover", MoverSettings))
    directories: tuple[PluggedTable, ...] = _section(Plugged("directory", "goodhoster.directories"))
    notifiers: tuple[NotifierSettings, ...] = _section(Several("notifier", NotifierSettings))
    forwarders: tuple[ForwarderSettings, ...] = _section(Several("forwarder", ForwarderSettings))
    hash_service: HashServiceSettings = _section(Single("hash_service", HashServiceSettings))
    clamd_doors: tuple[ClamdDoorSettings, ...] = _section(Several("clamd_door", ClamdDoorSettings))
    icap_doors: tuple[IcapDoorSettings, ...] = _section(Several("icap_door", IcapDoorSettings))
    api: ApiSettings = _section(Single("api", ApiSettings))
    roles: RolesSettings = _section(Single("roles", RolesSettings))
    notices: NoticesSettings = _section(Single("notices", NoticesSettings))
    smtp: SmtpSettings | None = _section(Single("smtp", SmtpSettings))
    imap: ImapSettings | None = _section(Single("imap", ImapSettings))
    paging: PagingSettings = _section(Single("paging", PagingSettings))
    alerts: tuple[AlertSettings, ...] = _section(Several("alert", AlertSettings))
    metrics: MetricsSettings = _section(Single("metrics", MetricsSettings))
    contacts: ContactSettings = _section(Single("contacts", ContactSettings))
    block: BlockSettings | None = _section(Single("block", BlockSettings))
    purges: tuple[PurgeSettings, ...] = _section(Several("purge", PurgeSettings))
    crawl: CrawlSettings = _section(Single("crawl", CrawlSettings))
    panels: tuple[PluggedTable, ...] = _section(Plugged("panel", "goodhoster.panels", PanelSettings))
    billing: tuple[PluggedTable, ...] = _section(Plugged("billing", "goodhoster.billing", BillingSettings))
    network_block: NetworkBlockSettings | None = _section(Single("network_block", NetworkBlockSettings))
    vetting: VettingSettings = _section(Single("vetting", VettingSettings))
    screening: ScreeningSettings = _section(Single("screening", ScreeningSettings))
    identity_providers: tuple[PluggedTable, ...] = _section(
        Plugged("identity_provider", "goodhoster.identity_providers")
    )
    company_registers: tuple[PluggedTable, ...] = _section(Plugged("company_register", "goodhoster.company_registers"))
    reports: ReportsSettings = _section(Single("reports", ReportsSettings))
    retention: RetentionSettings = _section(Single("retention", RetentionSettings))

    @property
    def state_dir(self) -> Path:
        """The directory where everything of ours is kept."""
        return self.agent.state_dir

    @property
    def suspends(self) -> bool:
        """Whether anything is configured that suspends accounts, sites or networks."""
        return bool(self.panels or self.billing or self.network_block)

    @property
    def mover_socket(self) -> Path:
        """The address where the mover listens."""
        return self.mover.socket or self.state_dir / "mover.sock"


def sections() -> dict[str, Section]:
    """The sections by their field in `Settings`."""
    return {f.name: f.metadata["section"] for f in dataclasses.fields(Settings) if f.metadata}


def load(file: Path) -> Settings:
    """Read and validate the file and `conf.d/*.toml` beside it, in order of name.

    ConfigurationError with everything that is wrong.
    """
    with gathered() as errors:
        return load_partly(file, errors)


def load_partly(file: Path, errors: AllErrors) -> Settings:
    """Read what can be read; a section in which something is wrong is as if it were not there.

    For looking for further errors only: nothing may be done by such settings.
    """
    values: dict[str, Any] = {}
    written = read_files(file, sections().values(), errors)
    for name, section in sections().items():
        values[name] = section.read(())
        with errors.step():
            values[name] = section.read(written[section.name])
    return Settings(file, **values)
