"""Letters about a notice by order of a person.

The answer, what customers do not know yet, a notice that is forwarded.
"""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.letters import Letter
from goodhoster.model.notice_status import Notice
from goodhoster.ports import AuditLog, NoticeStore
from goodhoster.takedowns.answers import Answers


@dataclass(frozen=True, slots=True)
class ManualLetters:
    """Letters ordered by a person; each is sent once, however often it is ordered.

    Shares store, log and lock with the notice desk.
    """

    store: NoticeStore
    audit: AuditLog
    letters: Answers
    lock: FileLock

    def answer(self, notice_id: str) -> bool:
        """Send the answer as things stand.

        One that is sent before the notice is done is followed by the final one. False when it was sent already, or
        nobody is to be answered; RefusedError in mode observe.
        """
        self._expect_enforcing(f"goodhoster notices answer {notice_id} --preview prints what would be sent")
        with self.lock:
            notice = self.store.get(notice_id)
            return self._record(notice, self.letters.write_answer(notice))

    def inform_customers(self, notice_id: str, order: Order) -> Notice:
        """Inform the customers of what was withheld because a notice may be confidential.

        RefusedError when nobody is left to be informed.
        """
        with self.lock:
            notice = self.store.get(notice_id)
            self.statements(notice_id)
            self._log("notice.customers-notified", notice, actor=order.actor, reason=order.reason)
            self._record(notice, self.letters.write_statements(notice))
            return self.store.get(notice_id)

    def statements(self, notice_id: str) -> list[Letter]:
        """The letters that `inform_customers` would send; nothing is sent.

        RefusedError when nobody is left to be informed.
        """
        notice = self.store.get(notice_id)
        letters = list(self.letters.statements(notice))
        if not letters:
            hint = "see sent in goodhoster notices show; a contact stands in the list of sites"
            raise RefusedError(f"nobody is left to be told about notice {notice_id}", hint=hint)
        return letters

    def forward(self, notice_id: str, hotline: str, actor: str) -> Letter:
        """Forward a notice of the public to the hotline; its deadline continues.

        RefusedError when it is not for others to see, and in mode observe.
        """
        self._expect_enforcing("hand it on from your own mailbox")
        with self.lock:
            notice = self.store.get(notice_id)
            letter = self.letters.forwarding(notice, hotline)
            if "forward" not in notice.sent:
                self._log("notice.forwarded", notice, actor=actor, to=hotline)
                self._record(notice, self.letters.write_forward(notice, letter))
            return letter

    def _expect_enforcing(self, hint: str) -> None:
        if not self.letters.automatic:
            raise RefusedError("the mode is observe: notifiers are answered in your own way", hint=hint)

    def _record(self, before: Notice, after: Notice) -> bool:
        if after == before:
            return False
        self.store.replace(after, expected=before.state)
        return True

    def _log(self, event: str, notice: Notice, **data: str) -> None:
        self.audit.append(AuditEvent(event, {"notice": notice.id, **data}))
