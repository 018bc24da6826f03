"""Suspending accounts, sites and networks: what was before, the order, what came of it, and the way back."""
