"""The formats in which hash lists are exchanged, one file each."""
