"""What a notice says, as it was read; who may be believed; where a URL lives.

Facts only: what becomes of a notice (its state, its deadline, its answers) is told elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.digests import Digest
from goodhoster.model.site_rules import SiteRules
from goodhoster.model.uploads import Place, Upload


class Carrier(StrEnum):
    """How a raw notice came in; tells which readers are asked."""

    MAIL = "mail"
    """A whole message, RFC 5322, by LMTP, IMAP, Maildir or pipe."""
    SCART_API = "scart-api"
    """The form-encoded body of `POST /api/v1/reports`, as the hotline's client sends it."""
    XARF_JSON = "xarf-json"
    """A bare XARF report."""
    DSA_FORM = "dsa-form"
    """The form-encoded body of our web form (DSA Art. 16)."""
    DSA_JSON = "dsa-json"
    """The fields of our web form, as JSON."""


@dataclass(frozen=True, slots=True)
class RawNotice:
    """A notice as it came, before anybody read it."""

    carrier: Carrier
    content: bytes


class NoticeFormat(StrEnum):
    """Which shape was recognised."""

    SCART_TABLE = "scart-table"
    SCART_CSV = "scart-csv"
    SCART_TEST = "scart-test"
    """The hotline tries our address (`[ALT_EMAIL active; org=…]`): logged, never acted on."""
    SCART_API = "scart-api"
    XARF = "xarf"
    ARF = "arf"
    """A complaint about mail (RFC 5965): not about content, answered politely."""
    REMOVAL_ORDER = "removal-order"
    DSA = "dsa"
    URL_TABLE = "url-table"
    """A list with a header row that names its columns, in an attachment (CSV, XLSX, ODS)."""
    URL_LIST = "url-list"
    """Some text with URLs in it; a person confirms the reading."""
    UNREADABLE = "unreadable"
    """A normal outcome: the raw message is kept and a person reads it."""


@dataclass(frozen=True, slots=True)
class ReadItem:
    """One thing a notice points at."""

    urls: tuple[str, ...]
    """Every possible reading of the URL as it was written, likeliest first; never empty. More than one where the
    sender's own form is ambiguous: the one that lives here is meant, and where that does not settle it, a person does.
    """
    ip: str = ""
    """Address that the notifier saw, as written; may be empty or IPv6."""
    first_seen: datetime | None = None
    """On the sender's own clock and so without zone, where the format has none."""
    last_seen: datetime | None = None
    note: str = ""
    reason: str = ""
    """The notifier's own word for what it is (layout police, XARF classification)."""
    digests: tuple[Digest, ...] = ()
    """Claimed by the notifier; never believed without reading the file."""
    doubts: tuple[str, ...] = ()
    """Why a person must look before anything is done about this one, in words; the others of the notice go on."""


@dataclass(frozen=True, slots=True)
class RemovalOrder:
    """What an authority's order says beside its URLs (Reg. 2021/784 Annex I; ATKM)."""

    authority: str = ""
    issued_at: datetime | None = None
    deadline: datetime | None = None
    """The moment that it names, or its term counted from its issue."""
    term: float | None = None
    """Seconds from our receipt."""
    preserve_until: datetime | None = None
    confidential: bool = False
    """The customer must not be told."""


@dataclass(frozen=True, slots=True)
class StatedTerm:
    """By when a notice wants something gone, in one of its sentences."""

    words: str
    """The sentence."""
    seconds: float | None = None
    """From our receipt."""
    moment: datetime | None = None
    days: int | None = None
    """After the day of our receipt."""
    weekday: int | None = None
    """Monday is 0; the next one."""
    minutes: int | None = None
    """After midnight of that day, or of the day of our receipt."""
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Reporter:
    """The reporter as the notice names it; proves nothing.

    All fields may be empty (DSA Art. 16(2)(c): anonymous).
    """

    name: str = ""
    address: str = ""
    """E-mail address: the From of a mail, the field of a form."""
    reply_to: str = ""
    """Where an answer is wanted, when that is elsewhere."""

    @property
    def answer_to(self) -> str:
        """Where an answer goes; empty when nobody wants one."""
        return self.reply_to or self.address


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A mail server's report about one receiver of a mail (RFC 3464, 6533); proves nothing."""

    receivers: tuple[str, ...]
    """Addresses that it calls this receiver by, lower case: the one that it was sent to, the one that it ended at."""
    action: str
    """`failed`, `delayed`, `delivered`, `relayed` or `expanded`, or what else it says."""
    status: str
    """Such as `5.1.1`; empty where it has none."""

    @property
    def failed(self) -> bool:
        """Whether it is undeliverable for good."""
        return self.action == "failed" and self.status.startswith("5.")


@dataclass(frozen=True, slots=True)
class ReadNotice:
    """A raw notice in our words."""

    format: NoticeFormat
    items: tuple[ReadItem, ...] = ()
    reference: str = ""
    """The notifier's own number, such as `M0123456789`; the answer's subject keeps it in brackets where it had them."""
    subject: str = ""
    message_id: str = ""
    sent_at: datetime | None = None
    """When the sender says it left; aware. Our deadline counts from our own receipt."""
    reporter: Reporter = Reporter()
    language: Literal["nl", "en"] = "en"
    automatic: bool = False
    """Sent by a machine (bounce, auto-reply, list): must never be answered."""
    order: RemovalOrder | None = None
    doubts: tuple[str, ...] = ()
    """Why a person must look before anything is done about any item; empty when the reading stands by itself."""
    cues: tuple[str, ...] = ()
    """What it may mean other than an order, each with the sentence that says so. A person reads it first, unless the
    notifier's profile has the sentence as its usual text.
    """
    unread: tuple[str, ...] = ()
    """Attachments and other parts that no program read, in words. What was read is acted on all the same, but the
    notice is not done before a person has seen to them.
    """
    mentions: tuple[str, ...] = ()
    """Host names and addresses that stand anywhere in it and that are no item's: one of ours among them is a matter for
    a person.
    """
    trial: bool = False
    """Its sender only tries the way to us: answered, never acted on."""
    opening: str = ""
    """First line of a mail that answers another, without quotations."""
    text: str = ""
    """The beginning of a mail that answers another, or names a letter of ours, without quotations.

    Not kept with a notice: its raw message is.
    """
    deliveries: tuple[DeliveryReport, ...] = ()
    """What it reports about the delivery of another mail."""
    terms: tuple[StatedTerm, ...] = ()
    """What its sender says itself about by when it must be gone. No term is longer for it."""
    confidential: str = ""
    """The sentence, of whatever part of it, by which it may be confidential; empty where it has none."""

    @property
    def test(self) -> bool:
        """A trial of the address or the API: logged, never acted on."""
        return self.trial or self.format is NoticeFormat.SCART_TEST

    @property
    def is_confidential(self) -> bool:
        """Whether customers are told nothing about it before a person says so."""
        return bool(self.confidential) or (self.order is not None and self.order.confidential)


class NotifierKind(StrEnum):
    """Who a registered notifier is."""

    HOTLINE = "hotline"
    TRUSTED_FLAGGER = "trusted-flagger"
    AUTHORITY = "authority"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A signing key that an administrator wrote down beforehand, so that no DNS is asked."""

    selector: str
    domain: str
    record: str
    """The TXT record as published, such as `v=DKIM1; k=rsa; p=…`."""


@dataclass(frozen=True, slots=True)
class NotifierCaps:
    """How much may be done by itself for one notifier; above it things are held for a person."""

    per_hour: int
    per_customer: int
    """In an hour, too."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """A registered notifier's profile, from [[notifier]]."""

    id: str
    name: str
    kind: NotifierKind
    domains: tuple[str, ...]
    """Domains whose aligned DKIM signature proves this sender."""
    deadline: float
    """Seconds from our receipt until it must be inaccessible."""
    automatic: bool
    """May its proven notices lead to a reversible measure without a person?"""
    caps: NotifierCaps
    language: Literal["nl", "en"] | None = None
    """Language of the answers; None takes the notice's own."""
    layout: str = ""
    """Format that this sender always uses; its reading then needs no person to confirm it."""
    usual_text: tuple[str, ...] = ()
    """Sentences that it always writes, by which its notices do not wait for a person."""
    dkim_keys: tuple[DkimKey, ...] = ()
    token_sha256: bytes = b""
    """SHA-256 of its API token; empty when it has none."""
    smime_certificates: bytes = b""
    """Its own certificates for signed mail, PEM."""
    openpgp_keys: bytes = b""
    """Its own public keys, with or without ASCII armor."""


class TrustLevel(StrEnum):
    """How far a sender is believed."""

    PINNED = "pinned"
    """A registered hotline or trusted flagger, proven: may act by itself, within caps."""
    AUTHORITY = "authority"
    """A registered authority, proven: a person confirms and is paged at once, unless its profile says automatic."""
    AUTHENTICATED = "authenticated"
    """Who signed is proven, but not registered here, or as kind `other`: a person."""
    UNAUTHENTICATED = "unauthenticated"
    """Anybody could have sent it: a person; never dropped."""


@dataclass(frozen=True, slots=True)
class TrustRule:
    """One rule and what came of it, for `notices show`."""

    name: str
    """Short stable code, such as `dkim.aligned`."""
    passed: bool
    why: str
    """In words."""


@dataclass(frozen=True, slots=True)
class SeenMail:
    """One copy of a mail that was believed."""

    receipt: str
    at: datetime
    """When we received it, UTC."""
    own_server: bool = False
    """It came by a way on which nobody but our own mail server delivers: its Authentication-Results count."""


@dataclass(frozen=True, slots=True)
class TrustFinding:
    """Who sent it and how we know."""

    level: TrustLevel
    notifier: str = ""
    """Id of the profile; empty when none matched with proof."""
    proof: Literal["dkim", "token", "authserv", "smime", "openpgp", "arc", ""] = ""
    rules: tuple[TrustRule, ...] = ()
    """Every rule that was tried, in order; all passed when the level is pinned or authority."""
    copy_of: str = ""
    """Receipt of the very same mail, which came shortly before by another of our addresses: that one is answered."""
    passing: bool = False
    """A `temperror` of RFC 8601: a key could not be fetched this time; asked again, the answer may be better."""


@dataclass(frozen=True, slots=True)
class Belief:
    """How far a raw notice is believed, and what of it is."""

    trust: TrustFinding
    says: RawNotice
    """What is read: the whole of it, but for a mail believed for its signed part only that."""


@dataclass(frozen=True, slots=True)
class Forwarder:
    """A trusted forwarder from [[forwarder]].

    It is believed that a mail it passed on was properly signed when it arrived there.
    """

    domain: str
    """That seals (ARC)."""
    keys: tuple[DkimKey, ...] = ()
    """Pinned: then no DNS is asked for them."""


class Matching(StrEnum):
    """How a route's pattern is compared with the path of a URL; the order of choice is nginx's."""

    EXACT = "exact"
    PREFIX = "prefix"
    FIRM_PREFIX = "firm-prefix"
    """A prefix that no pattern may overrule."""
    PATTERN = "pattern"
    """A regular expression."""
    PATTERN_ANY_CASE = "pattern-any-case"


@dataclass(frozen=True, slots=True)
class PathRoute:
    """Where the paths of a site that match come from."""

    matching: Matching
    pattern: str
    directory: bytes | None
    """Absolute. None: not from files (a program, a proxy, a redirect)."""
    replaces: bool = False
    """True: the directory stands for the matched prefix (alias); False: the whole path is looked up below it (root)."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the web server or panel knows it."""

    customer: str
    """Empty where the directory does not tell: then the watched tree does."""
    names: tuple[str, ...]
    """Host names, lower case: exact, `*.example.nl`, `.example.nl`, `www.example.*`, or `~regex`."""
    routes: tuple[PathRoute, ...]
    addresses: tuple[str, ...] = ()
    """Addresses on which it answers; empty means on all."""
    ports: tuple[int, ...] = ()
    """Ports on which it answers; empty where the directory does not tell: then those of the web, 80 and 443."""
    default: bool = False
    """Answers for names that no site has."""
    contact: AbuseContact | None = None
    """Of its customer, where the directory knows one."""
    rules: SiteRules | None = None
    """What its web server does with a request; None: its routes say it all."""
    trouble: str = ""
    """Why nobody can tell what it shows: its URLs wait for a person. Without names it may be any host."""


class LocationKind(StrEnum):
    """Where a URL lives."""

    FILE = "file"
    DYNAMIC = "dynamic"
    """Ours, but not a file that could be moved: blocked at the URL."""
    NOT_OURS = "not-ours"
    AMBIGUOUS = "ambiguous"
    """Ours perhaps, but not certainly this: a person."""


class FoundBy(StrEnum):
    """What connects a file with the URL of the notice."""

    URL = "url"
    """It is what the URL shows."""
    VARIANT = "variant"
    """Another size of it beside it, by its name alone."""
    DERIVED = "derived"
    """Made from it, or the picture that it was made from, by the rule of a content management system."""
    SAME_CONTENT = "same-content"
    """The same bytes, anywhere, at any customer."""
    SAME_FILE = "same-file"
    """Another name of the same inode (hard link)."""


@dataclass(frozen=True, slots=True)
class LocatedFile:
    """A file that must go, in the state it was seen in."""

    upload: Upload
    found_by: FoundBy
    original: Place | None = None
    """The file that it is a copy or another size of; None for what the URL shows."""


@dataclass(frozen=True, slots=True)
class Location:
    """What we know of one item's URL."""

    outcome: LocationKind
    url: str
    """The URL meant, as a browser reads it (WHATWG); as written when it is none."""
    customer: str = ""
    """Whose site it is; copies in `files` may be others'."""
    files: tuple[LocatedFile, ...] = ()
    """What the URL shows comes first, then every copy; empty unless the outcome is FILE."""
    place: Place | None = None
    """Where the file of the URL is or would be; known also when no file is there (any more), because it was taken
    offline or has gone.
    """
    beside: tuple[LocatedFile, ...] = ()
    """Where no file is at the place: other sizes of it that are there all the same, with their copies."""
    page: bool = False
    """The URL shows a page, not a picture or film: for the hotline, any page there counts as online."""
    front: str = ""
    """Address in the notice that is not ours although the site is: a CDN stands in front and must be purged."""
    network: str = ""
    """Whose network it is (with a contact) where something is not ours; empty when the hoster has not written it down.
    """
    server: str = ""
    """Address of a server of the customer's own that it lies on: ours to forward, not to look into."""
    reason: str = ""
    """Short stable code, such as `unknown-host`."""
    detail: str = ""
    """The reason in words."""
