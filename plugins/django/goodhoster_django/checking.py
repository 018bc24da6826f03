"""One file is checked, and refused with a polite text."""

from __future__ import annotations

import logging
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from goodhoster.client import Answer, Client, Upload, decide
from goodhoster_django.conf import configuration

_log = logging.getLogger(__name__)
_MARK = "_goodhoster_checked"


class UploadRefused(ValidationError, PermissionDenied):  # noqa: N818 - as Django's own are named
    """An upload is refused: a form shows the text beside the field, any other view answers 403."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(_text(answer), code="unchecked" if answer.decision == "unchecked" else "refused")
        self.answer = answer


def expect_acceptable(file: Any, name: str, request: object = None) -> None:  # noqa: ANN401 - files of many classes
    """Ask goodhoster about a file, once. UploadRefused when it is not to be stored.

    What was done is reported. The file is read from its start, and is at its start afterwards.
    """
    if is_checked(file):
        return
    configured = configuration()
    answer = _ask(configured.client, file, configured.upload(name, request))
    if decide(answer, on_unchecked=configured.on_unchecked):
        if answer.decision == "unchecked":
            _log.warning("an upload was stored unchecked: %s %s", answer.reason, answer.detail)
        mark_checked(file)
        return
    _log.warning("an upload was refused: %s %s %s", answer.reference or "", answer.reason, answer.detail)
    if answer.reference:
        configured.client.report_outcome(answer.reference, "refused")
    raise UploadRefused(answer)


def _ask(client: Client, file: Any, upload: Upload) -> Answer:  # noqa: ANN401 - files of many classes
    if hasattr(file, "temporary_file_path"):
        file.flush()
        return client.check_path(file.temporary_file_path(), upload)
    if file.size <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        file.seek(0)
        content = file.read()
        file.seek(0)
        return client.check_bytes(content, upload)
    with NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        file.seek(0)
        return client.check_path(copy.name, upload)


def is_checked(file: object) -> bool:
    """Whether this very object was checked before.

    A handler's file comes to the validator and the storage, too.
    """
    return bool(getattr(file, _MARK, False) or getattr(getattr(file, "file", None), _MARK, False))


def mark_checked(file: object) -> None:
    """Note that this object was checked."""
    setattr(file, _MARK, True)


def _text(answer: Answer) -> str:
    if answer.decision == "unchecked":
        return _("This file could not be checked just now. Please try again later.")
    return _(
        "This file cannot be accepted here. If you think that this is a mistake, contact the administrator of this "
        "site and name the reference %(reference)s."
    ) % {"reference": answer.reference or "-"}
