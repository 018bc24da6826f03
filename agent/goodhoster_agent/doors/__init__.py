"""Network services: what listens on sockets, and who may use it."""
