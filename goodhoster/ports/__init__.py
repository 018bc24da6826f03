"""Ports: the interfaces through which goodhoster uses the outside.

Each promise is checked by a conformance suite in `goodhoster.testing`.
"""

from __future__ import annotations

from goodhoster.ports.alerts import AlertQueue, AlertReceiver
from goodhoster.ports.cases import CaseFigures, CaseQuery, CaseStore, Census, MatchLedger, StormStore
from goodhoster.ports.checking import Hasher, HashSource, LicensedFingerprinter, ObservedSource, answering
from goodhoster.ports.common import AuditLog, Clock, Pager
from goodhoster.ports.contacts import ContactFacts, ContactLetters, ContactStore, MailDomains, WebDocuments
from goodhoster.ports.customers import (
    CustomerQuery,
    CustomerSites,
    CustomerStore,
    CustomerTraces,
    ForgottenCustomer,
    LegalBasisStore,
    PersonalDataStore,
    StagedImport,
)
from goodhoster.ports.files import ContentIndex, Directory, Mover, Quarantine
from goodhoster.ports.notices import (
    KeyRecords,
    Mailer,
    NoticeQuery,
    NoticeReader,
    NoticeStore,
    Outside,
    SeenMails,
    SignatureCheck,
    SitePages,
    UrlBlocks,
)
from goodhoster.ports.purges import CachePurge, PurgeQueue

__all__ = [
    "AlertQueue",
    "AlertReceiver",
    "AuditLog",
    "CachePurge",
    "CaseFigures",
    "CaseQuery",
    "CaseStore",
    "Census",
    "Clock",
    "ContactFacts",
    "ContactLetters",
    "ContactStore",
    "ContentIndex",
    "CustomerQuery",
    "CustomerSites",
    "CustomerStore",
    "CustomerTraces",
    "Directory",
    "ForgottenCustomer",
    "HashSource",
    "Hasher",
    "KeyRecords",
    "LegalBasisStore",
    "LicensedFingerprinter",
    "MailDomains",
    "Mailer",
    "MatchLedger",
    "Mover",
    "NoticeQuery",
    "NoticeReader",
    "NoticeStore",
    "ObservedSource",
    "Outside",
    "Pager",
    "PersonalDataStore",
    "PurgeQueue",
    "Quarantine",
    "SeenMails",
    "SignatureCheck",
    "SitePages",
    "StagedImport",
    "StormStore",
    "UrlBlocks",
    "WebDocuments",
    "answering",
]
