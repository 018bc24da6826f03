"""The supervisor says which of its processes ended, and starts it again."""

import subprocess
import sys

SCRIPT = """
import logging, sys, time
from goodhoster_agent.privileged.supervisor import supervise
logging.basicConfig(format="%(message)s")
supervise([("starter", lambda: time.sleep(600)), ("mover", lambda: time.sleep(600)), ("mover", lambda: None)])
"""


def test_it_says_which_of_several_movers_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stderr is not None
        lines = [supervisor.stderr.readline(), supervisor.stderr.readline()]
        supervisor.kill()
    assert lines == ["the mover 2 of 2 ended (exit code 1) and is started again\n"] * 2
