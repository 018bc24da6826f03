"""Near look-up: which entries of a list are within some bits of a fingerprint, none missed.

All of it but `names` needs numpy, so the extra `near`.
"""
