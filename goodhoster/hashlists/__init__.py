"""Own hash lists: formats in, exact and near lists on disk, opened lists."""
