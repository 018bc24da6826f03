"""Who takes our letters."""
