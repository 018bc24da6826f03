"""People who are not root: their commands come over a local socket, and their role decides."""
