"""Who sent a notice, and how that is proven."""
