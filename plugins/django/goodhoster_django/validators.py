"""A validator of fields, for sites whose views choose their own upload handlers."""

from __future__ import annotations

from typing import Any

from goodhoster_django.checking import expect_acceptable


def validate_upload(value: Any) -> None:  # noqa: ANN401 - an uploaded file, or a model's field with one
    """Raise UploadRefused, which is a ValidationError, for a file that is not to be stored."""
    if getattr(value, "_committed", False):  # a model's file that is in the storage already
        return
    expect_acceptable(value, getattr(value, "name", "") or "")
