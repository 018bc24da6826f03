"""What is there and what waits: the file index and the durable queue."""
