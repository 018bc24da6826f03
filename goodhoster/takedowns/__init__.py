"""Processing of notices: intake, measures within the deadline, answers, checks from outside."""
