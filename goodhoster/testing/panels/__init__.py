"""Stand-ins for control panels and billing systems, with made-up accounts, in their own forms of output.

Written after the vendors' documentation or, for HestiaCP, after what its scripts printed; nothing of theirs is in them.
"""
