"""Wagtail asks goodhoster before it stores an image or a document."""
