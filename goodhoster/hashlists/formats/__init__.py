"""The forms in which hash lists are handed over, one file each."""
