"""Every error goodhoster raises, in one tree.

    GoodhosterError                 what happened, where, and what to do next (`hint`)
    ├── ConfigurationError          goodhoster.toml, a secret or a list file is not valid
    ├── RefusedError                asked for what must not be done (exists already, wrong state, unsafe place)
    ├── PassingError                may be gone on the next try: wait and ask again
    │   ├── SourceUnavailableError  a hash source gave no usable answer this time (`retry_after`: seconds, if it said)
    │   ├── BusyError               another goodhoster process holds what is needed
    │   ├── IndexUnavailableError   the index cannot be read or written now (disk full, read-only)
    │   ├── StaleVerdictError       what was known of a content is too old to act on: ask its sources again
    │   ├── LetterPutOffError       a mail server does not take one letter now; it may take others
    │   ├── UnrecordedError         something was done, and its outcome cannot be written now (disk full)
    │   └── WorkerLostError, …      a process that opens files hung or died over one (defined where it is used)
    ├── PermanentError              trying again alone will not help: a person must act
    │   ├── SourceRefusedError      a hash source refuses our account (401, 403): check the account
    │   ├── QuarantineError         a measure could not be carried out or verified
    │   ├── EvidenceError           evidence could not be sealed, or is not as it was sealed
    │   ├── AuditError              the audit log cannot be written or is not whole
    │   ├── MissingProgramError     a program of the system's is not installed
    │   ├── NoFilterError           there is no list of system calls for this kind of machine
    │   └── DemoError               `goodhoster demo` did not see what it promises
    ├── UnclearError                what others wrote or configured has no certain meaning: a person decides
    │   ├── UnreadableError         a message, or a part of it, cannot be read
    │   ├── NotWholeError           something in a mail is signed, but not all that a reader sees
    │   ├── HiddenLinkError         a mail gateway rewrote a link and keeps the original to itself
    │   ├── UnclearUrlError         no browser reads it as a URL, or not all in one way
    │   ├── UnclearRouteError       what the web server does with a path cannot be determined
    │   └── NoPlaceError            a path leads to no place in a watched tree
    ├── NotAnUploadError            there is no regular file at that place (any more)
    └── UncheckedError              this content could not be checked (`reason` is a short stable code)
        ├── NothingToCompareError   a source compares nothing that such a content can have
        └── NotAskedError           a source has no say about this content as long as it is configured so

Passing and permanent are types, so that the queue can tell "ask again" from "call somebody". No error is ever read as
*clear* or as *known*: what cannot be checked is *unchecked* (promise G2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class GoodhosterError(Exception):
    """The base of all errors: `str()` says what happened and where.

    `hint` says what to do next and may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigurationError(GoodhosterError):
    """A setting, secret or list file is wrong; nothing was started or changed.

    `others` are what else is wrong: a configuration is checked to its end, so that all of it is mended at once.
    """

    def __init__(self, message: str, *, hint: str = "", others: Sequence[ConfigurationError] = ()) -> None:
        super().__init__(message, hint=hint)
        self.others = tuple(others)

    @property
    def all(self) -> tuple[ConfigurationError, ...]:
        """This one and the others."""
        return (self, *self.others)


class RefusedError(GoodhosterError):
    """The request itself is not acceptable in the present state; nothing was changed.

    `ambiguous`: what was named may be several things.
    """

    def __init__(self, message: str, *, hint: str = "", ambiguous: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.ambiguous = ambiguous


class PassingError(GoodhosterError):
    """Likely gone on a later try."""


class SourceUnavailableError(PassingError):
    """A hash source gave no usable answer.

    `reason` is a short stable code, `retry_after` is in seconds.
    """

    def __init__(self, message: str, *, reason: str, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.retry_after = retry_after


class BusyError(PassingError):
    """Another goodhoster process holds the lock that is needed."""


class IndexUnavailableError(PassingError):
    """The index cannot be read or written now.

    Nothing is lost: what it missed is found by a scan.
    """


class StaleVerdictError(PassingError):
    """A measure would rest on an outdated answer of a source.

    Nothing was done; ask the sources themselves again.
    """


class LetterPutOffError(PassingError):
    """A mail server does not take this letter now; that says nothing of others."""


class UnrecordedError(PassingError):
    """Something was done, and its outcome cannot be written now.

    The text says what was seen, for it is neither refused nor done: the log has the intention alone. Whoever goes on
    with it finds it done.
    """


class PermanentError(GoodhosterError):
    """A person must act; trying again alone will not help."""


class SourceRefusedError(PermanentError):
    """A hash source refuses our account: raises an alarm. `reason` is a short stable code."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class QuarantineError(PermanentError):
    """A file could not be taken offline or put back, or the result could not be verified."""


class EvidenceError(PermanentError):
    """Evidence could not be sealed, or is not as it was sealed."""


class AuditError(PermanentError):
    """The audit log cannot be written, or is not whole."""


class MissingProgramError(PermanentError):
    """A program is not installed; the text is its name."""


class NoFilterError(PermanentError):
    """There is no list of system calls for this architecture."""


class DemoError(PermanentError):
    """Something did not happen as the demo promises; says what was seen instead."""


class NotAnUploadError(GoodhosterError):
    """There is no regular file at that place (any more).

    It is gone, or is a link, a directory, a device or a FIFO.
    """


class UncheckedError(GoodhosterError):
    """The content could not be checked.

    `reason` is a short stable code such as `unreadable` or `changed`.
    """

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnclearError(GoodhosterError):
    """What others wrote or configured has no certain meaning.

    The text says why, for the person who decides.
    """


class UnreadableError(UnclearError):
    """A message, or a part of it, cannot be read by a program."""


class NotWholeError(UnclearError):
    """Something in a mail is signed, but not all that a reader sees."""


class HiddenLinkError(UnclearError):
    """A mail gateway keeps the original of a link to itself; the text says which gateway."""


class UnclearUrlError(UnclearError):
    """An ambiguous URL that must not be guessed; `reason` is a short stable code."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class UnclearRouteError(UnclearError):
    """The configuration of a web server cannot be followed with certainty."""


class NoPlaceError(UnclearError):
    """There is no customer's file at a path; `reason` is a short stable code."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class NothingToCompareError(UncheckedError):
    """A source compares nothing that such a content can have; other sources may.

    For example the fingerprint of a video.
    """


class NotAskedError(UncheckedError):
    """A source has no say about this content as it is configured.

    It is in shadow, or asked about a share only.

    Other sources may. It is no failure, and never a no.
    """


@contextmanager
def recording(
    seen: str, *, hint: str = "make room, then run the command again: it records what is so"
) -> Iterator[None]:
    """Record what was just done and seen; UnrecordedError, which says it, where that fails."""
    try:
        yield
    except UnrecordedError:
        raise
    except (PermanentError, PassingError, OSError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise UnrecordedError(f"{seen}, but that cannot be recorded: {why}", hint=hint) from error
