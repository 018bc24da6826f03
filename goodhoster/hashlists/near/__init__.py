"""Near look-up: which entries of a list are within some bits of a fingerprint, none missed.

It needs numpy, so the extra `near`, save for what finds out whether there is anything to look up: `names`, `pile`,
`header` and `extra`, through which others reach the rest.
"""
