"""The documents that are made from the program: `./dev docs` writes them, `./dev check` fails when one is stale."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from catalog import catalog
from commandline import program
from completions import SHELLS, completion
from manpage import man_page, page_of

from goodhoster.settings.pages import reference

CHECKOUT = Path(__file__).parents[1]

GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/reference-configuration.md": reference,
    "packaging/catalog/goodhoster.catalog": catalog,
    "packaging/man/goodhoster.1": man_page,
    **{f"packaging/man/goodhoster-{name}.1": partial(page_of, name) for name in program().commands},
    **{f"packaging/completions/goodhoster.{shell}": partial(completion, shell) for shell in SHELLS},
}


def main() -> int:
    """Write every one that changed; prints its name."""
    for name, make in GENERATED.items():
        path, content = CHECKOUT / name, make()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text() != content:
            path.write_text(content)
            print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
