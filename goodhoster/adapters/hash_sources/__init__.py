"""Where a digest can be asked: services over the wire, own lists; and what wraps them. One file each."""
