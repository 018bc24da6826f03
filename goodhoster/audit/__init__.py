"""The append-only, tamper-evident log of what was intended and what was done."""
