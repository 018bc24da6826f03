"""packaging/completions: what shells load to complete the command, made by the program itself."""

import os
import subprocess
import sys
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
_COMPDEF = "compdef _goodhoster_completion goodhoster"
_AUTOLOADED = f"""\
if [[ "${{funcstack[1]}}" = "_goodhoster" ]]; then
  _goodhoster_completion "$@"
else
  {_COMPDEF}
fi"""
"""A file in zsh's `fpath` is itself the function, and completes when it is called for the first time, too."""


def completion(shell: str) -> str:
    """The completion for that shell, which asks the program for words."""
    program = Path(sys.executable).with_name("goodhoster")
    env = os.environ | {"_GOODHOSTER_COMPLETE": f"source_{shell}"}
    made = subprocess.run([program], env=env, capture_output=True, text=True, check=True).stdout
    return made.strip().replace(_COMPDEF, _AUTOLOADED) + "\n"
