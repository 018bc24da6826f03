"""Sandboxed processes that decode customers' files; the daemon takes digests itself."""
