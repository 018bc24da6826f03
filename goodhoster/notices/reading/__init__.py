"""From a raw message to a notice: one format after the other, in a confined child process."""
