"""The upload handler: every file is checked before a form, view or API can store it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, NoReturn

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from goodhoster_django.checking import UploadRefused, expect_acceptable


class CheckedUploadHandler(FileUploadHandler):
    """Receives uploads as Django's own two handlers do, and has complete ones checked.

    A small file is kept in memory, a larger one in a temporary file. In place of a refused one the view gets a
    `RefusedUpload`.
    """

    _received: BytesIO | TemporaryUploadedFile = BytesIO()
    """What came of the file under way."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
        """Begin a file."""
        super().new_file(*args, **kwargs)
        self._received = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - Django's signature
        """Take a part of the file; it goes to no other handler."""
        self._received.write(raw_data)
        if isinstance(self._received, BytesIO) and self._received.tell() > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            self._received = self._on_disk(self._received.getvalue())

    def file_complete(self, file_size: int) -> UploadedFile:
        """Check the file, and return it or what stands for a refused one."""
        file = self._as_upload(self._received, file_size)
        try:
            expect_acceptable(file, self.file_name or "", self.request)
        except UploadRefused as refusal:
            file.close()
            return RefusedUpload(refusal, file)
        return file

    def upload_interrupted(self) -> None:
        """Drop what was received of a file that does not come whole."""
        self._received.close()

    def _on_disk(self, received: bytes) -> TemporaryUploadedFile:
        file = TemporaryUploadedFile(self.file_name, self.content_type, 0, self.charset, self.content_type_extra)
        file.write(received)
        return file

    def _as_upload(self, received: BytesIO | TemporaryUploadedFile, size: int) -> UploadedFile:
        received.seek(0)
        if not isinstance(received, BytesIO):
            received.size = size
            return received
        of_field = (self.field_name, self.file_name, self.content_type)
        return InMemoryUploadedFile(received, *of_field, size, self.charset, self.content_type_extra)


class RefusedUpload(UploadedFile):
    """Stands for a refused file.

    It has a name and no content: whoever asks for its size or content gets the refusal. A form field asks for the size
    and so shows the text; a view that would store it answers 403.
    """

    def __init__(self, refusal: UploadRefused, file: UploadedFile) -> None:
        self.refusal = refusal
        super().__init__(BytesIO(), file.name, file.content_type, None, file.charset, file.content_type_extra)

    @property
    def size(self) -> int:
        """Raise the refusal."""
        raise self.refusal

    @size.setter
    def size(self, value: int | None) -> None:
        """Ignore what the base class sets."""

    def read(self, *_: int) -> NoReturn:
        """Raise the refusal."""
        raise self.refusal

    def chunks(self, chunk_size: int | None = None) -> NoReturn:  # noqa: ARG002 - the same
        """Raise the refusal."""
        raise self.refusal

    def multiple_chunks(self, chunk_size: int | None = None) -> NoReturn:  # noqa: ARG002 - the same
        """Raise the refusal."""
        raise self.refusal

    def open(self, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 - as the base class
        """Raise the refusal."""
        raise self.refusal

    def __iter__(self) -> Iterator[bytes]:
        """Raise the refusal."""
        raise self.refusal
