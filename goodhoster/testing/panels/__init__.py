"""Stand-ins for control panels and billing systems, with made-up accounts.

They answer in the vendors' own forms. Written after the vendors' documentation or, for HestiaCP, after what its
scripts printed; nothing of theirs is in them.
"""
