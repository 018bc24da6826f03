"""The only place where settings choose adapters.

One file for each part that somebody may need alone.
"""
