"""The privileges that the daemon keeps, and the processes that hold the others for it.

Before it looks at anything from outside the daemon settles its *terms* and has a supervisor started; the supervisor
starts the mover and the starter, each again when it has ended. Then the daemon gives up whatever the terms do not name.
What it cannot do any more it asks of the starter. Why each process has what it has: docs/decisions/.
"""
