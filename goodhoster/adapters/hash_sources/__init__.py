"""Hash sources and their wrappers, one file each.

The sources are services over the network and own lists.
"""
