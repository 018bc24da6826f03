"""Where others come in: what listens on sockets, and who may."""
