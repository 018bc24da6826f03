"""The sandboxed processes that open customers' files."""
