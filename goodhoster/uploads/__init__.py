"""The file index and the durable queue."""
