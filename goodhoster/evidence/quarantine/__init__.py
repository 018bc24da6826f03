"""The quarantine: the procedure that takes a file offline, and its exact inverse."""
