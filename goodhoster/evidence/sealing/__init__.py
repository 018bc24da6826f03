"""Sealed evidence: encrypted copies of what was taken offline, their custody and their retention."""
