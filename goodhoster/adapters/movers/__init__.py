"""The movers of files, reached from another process."""
