"""The house rules: pure decisions, and the brake."""
