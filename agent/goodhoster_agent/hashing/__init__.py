"""The sandboxed processes that open customers' files: a pool of them, and what each one is made of."""
