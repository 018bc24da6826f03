"""Files offline: the quarantine procedure and its exact inverse."""
