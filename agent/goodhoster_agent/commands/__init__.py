"""One file per group of commands: parse, call the toolkit, print."""
