"""Near look-up: which entries of a list are within some bits of a fingerprint, none missed.

It needs numpy, so the extra `near`, except for the modules that find out whether there is anything to look up:
`file_names`, `spill`, `header` and `optional`, through which other packages reach the rest.
"""
