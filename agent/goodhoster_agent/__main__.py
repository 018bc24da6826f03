"""`python -m goodhoster_agent` is the command `goodhoster`."""

from goodhoster_agent.cli import main

main()
