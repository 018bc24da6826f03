"""The HTTP door: applications ask before they store an upload."""
