"""The file fields of Wagtail's images and documents, the site's own models included."""

from __future__ import annotations

from django.db.models import FileField
from wagtail.documents import get_document_model
from wagtail.images import get_image_model

from goodhoster_django.validators import validate_upload


def file_fields() -> list[FileField]:
    """The file field of the image model, and that of the document model."""
    return [model._meta.get_field("file") for model in (get_image_model(), get_document_model())]  # noqa: SLF001 - Django's


def add_validators() -> None:
    """Have every full_clean of an image or document checked.

    Those of forms and APIs that bring their own upload handlers, too.
    """
    for field in file_fields():
        if validate_upload not in field.validators:
            field.validators.append(validate_upload)
