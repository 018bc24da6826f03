"""The commands, one file per group: parse, call the toolkit, print."""
