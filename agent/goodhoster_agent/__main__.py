"""`python -m goodhoster_agent` is the command `goodhoster`."""

from goodhoster_agent.entry import main

main()
