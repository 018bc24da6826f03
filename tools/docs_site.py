"""Build the documentation as a site: ./dev docs site [DIR] (default dist/site).

The pages are the committed Markdown files as they are, in the order in which the README names them. A dead link, a
heading that is not there, and a page that the README does not name end it with an error. Nothing in the site is loaded
from elsewhere: it may be read from a folder, and served without telling anybody.

Run by the environment that requirements/site.txt describes; the program itself is not needed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
DECISIONS = "docs/decisions"
_GROUP = re.compile(r"^\*\*(?P<name>[^*]+)\*\*: (?P<links>.*?)(?=^$|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<page>[^)#]+)\)")
Navigation = list[dict[str, object]]


def main(arguments: list[str] | None = None) -> int:
    """Build the site; 1 where something in the pages is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=CHECKOUT / "dist/site", help="where the site is put")
    out = parser.parse_args(arguments).out.absolute()
    with tempfile.TemporaryDirectory(prefix="goodhoster-site-") as folder:
        pages = Path(folder) / "pages"
        stage(pages)
        config = Path(folder) / "mkdocs.yml"
        config.write_text(json.dumps(configuration(pages, out)), encoding="utf-8")  # JSON is YAML
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean", "-f", str(config)]
        done = subprocess.run(command, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    if done.returncode:
        return 1
    print(out / "index.html")
    return 0


def configuration(pages: Path, out: Path) -> dict[str, object]:
    """The configuration of this build, over the one that is committed."""
    return {
        "INHERIT": str(CHECKOUT / "mkdocs.yml"),
        "docs_dir": str(pages),
        "site_dir": str(out),
        "nav": navigation(pages),
    }


def stage(pages: Path) -> None:
    """Lay the pages out as in the checkout, so that links between them mean the same."""
    for name in _committed():
        target = pages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target)
    readme = pages / "README.md"
    readme.write_text(readme.read_text("utf-8").replace(f"({DECISIONS})", f"({DECISIONS}/index.md)"), encoding="utf-8")
    lines = [f"- [{title(page)}]({page.name})" for page in sorted((pages / DECISIONS).glob("[0-9]*.md"))]
    (pages / DECISIONS / "index.md").write_text("# Decisions\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _committed() -> Iterator[str]:
    """The files of the site: what is committed or would be, without the texts that tests read."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md", "LICENSE")
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.splitlines()
    return (name for name in listed if not name.startswith("tests/") and (CHECKOUT / name).is_file())


def navigation(pages: Path) -> Navigation:
    """The groups of pages that the README ends with; then the plugins' own pages and every decision."""
    groups: Navigation = [{"goodhoster": "README.md"}, {"Changes": "CHANGELOG.md"}]
    for found in _GROUP.finditer((pages / "README.md").read_text("utf-8").partition("\n## More\n")[2]):
        links = [(link["text"], link["page"]) for link in _LINK.finditer(found["links"])]
        groups.append({found["name"]: [{text[:1].upper() + text[1:]: page} for text, page in links if _is_page(page)]})
    plugins = sorted((pages / "plugins").glob("*/README.md"))
    groups.append({"Plugins": [{title(page): str(page.relative_to(pages))} for page in plugins]})
    decisions = sorted((pages / DECISIONS).glob("[0-9]*.md"))
    groups.append({"Decisions": [f"{DECISIONS}/index.md", *(f"{DECISIONS}/{page.name}" for page in decisions)]})
    return groups


def _is_page(link: str) -> bool:
    return link.endswith(".md") and not link.startswith(DECISIONS)


def title(page: Path) -> str:
    """The first heading of a page."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    sys.exit(main())
