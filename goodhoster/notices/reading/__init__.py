"""Reading of raw messages: one format after the other, in a confined child process."""
