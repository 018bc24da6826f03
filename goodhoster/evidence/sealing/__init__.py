"""Sealed evidence: encrypted copies of what was taken offline, custody and retention."""
