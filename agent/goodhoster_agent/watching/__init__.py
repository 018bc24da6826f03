"""Hints of new files, and the comparison with the disk that makes a lost hint harmless."""
