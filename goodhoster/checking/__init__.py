"""From bytes to a Verdict."""
