"""A storage that checks what programs save without any upload: imports, tasks, the shell."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import FileSystemStorage

from goodhoster_django.checking import expect_acceptable


class CheckedStorageMixin:
    """Checks each file before it is saved, unless the upload handler did.

    To be put before the storage class.
    """

    def _save(self, name: str, content: Any) -> str:  # noqa: ANN401 - as Django's storages
        expect_acceptable(content, name)
        saved: str = super()._save(name, content)  # type: ignore[misc] # the storage's
        return saved


class CheckedFileSystemStorage(CheckedStorageMixin, FileSystemStorage):
    """The storage on disk that checks."""
