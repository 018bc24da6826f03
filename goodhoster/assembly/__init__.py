"""The composition of parts: the only place where settings choose adapters.

One file for each part that a caller may need alone.
"""
