"""The rules of the plugin directory of WordPress that need no WordPress, and the translations."""

import re
import subprocess
from gettext import GNUTranslations
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "goodhoster"
SOURCES = sorted(PLUGIN.rglob("*.php"))
LANGUAGES = PLUGIN / "languages"
README = (PLUGIN / "readme.txt").read_text()
HEADER = (PLUGIN / "goodhoster.php").read_text()
TEXT = re.compile(r"\b(?:__|esc_html__)\(\s*'((?:[^'\\]|\\.)*)'\s*,\s*'goodhoster'\s*\)")
ANY_TEXT = re.compile(r"\b(?:_[_enx]x?|esc_(?:html|attr)_[_ex])\(")


def field(text: str, name: str) -> str:
    found = re.search(rf"^[ *]*{re.escape(name)}:\s*(.+)$", text, re.MULTILINE)
    assert found, name
    return found[1].strip()


def texts() -> set[str]:
    return {text for path in SOURCES for text in TEXT.findall(path.read_text())}


@pytest.mark.debian("php-cli", program="php")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_php_reads_it_and_nobody_runs_it_from_outside(path: Path) -> None:
    subprocess.run(["php", "-l", str(path)], check=True, capture_output=True)
    guard = "! defined( 'WP_UNINSTALL_PLUGIN' )" if path.name == "uninstall.php" else "! defined( 'ABSPATH' )"
    assert f"if ( {guard} ) {{\n\texit;\n}}\n" in path.read_text()
    assert subprocess.run(["php", str(path)], check=True, capture_output=True).stdout == b""


def test_header_and_readme_agree() -> None:
    assert field(README, "Stable tag") == field(HEADER, "Version")
    for name in ("Requires at least", "Requires PHP", "License"):
        assert field(README, name) == field(HEADER, name)
    assert re.fullmatch(r"\d+\.\d+", field(README, "Tested up to"))
    assert field(HEADER, "Text Domain") == PLUGIN.name
    assert len(field(README, "Tags").split(",")) <= 5


def test_the_short_description_is_short_enough() -> None:
    short = README.split("\n\n")[1]
    assert "\n" not in short
    assert len(short) <= 150
    assert len(field(HEADER, "Description")) <= 150


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_text_can_be_translated_and_every_placeholder_is_explained(path: Path) -> None:
    content = path.read_text()
    assert len(ANY_TEXT.findall(content)) == len(TEXT.findall(content)), "the domain must be the literal 'goodhoster'"
    lines = content.splitlines()
    for number, line in enumerate(lines):
        if any("%" in text for text in TEXT.findall(line)):
            assert "/* translators:" in lines[number - 1], line


@pytest.mark.parametrize("locale", ["nl_NL", "de_DE"])
def test_every_text_is_translated(locale: str) -> None:
    with (LANGUAGES / f"goodhoster-{locale}.mo").open("rb") as file:
        catalog = GNUTranslations(file)
    for text in texts():
        told = catalog.gettext(text)
        assert text == "Token" or told != text
        assert re.findall(r"%(?:\d\$)?s", told) == re.findall(r"%(?:\d\$)?s", text)
        assert f'msgstr "{told}"' in (LANGUAGES / f"goodhoster-{locale}.po").read_text()


def test_the_template_has_exactly_the_texts() -> None:
    template = (LANGUAGES / "goodhoster.pot").read_text()
    assert set(re.findall(r'^msgid "(.+)"$', template, re.MULTILINE)) == texts()


def test_what_the_plugin_adds_has_its_name() -> None:
    for path in SOURCES:
        content = path.read_text()
        named = re.findall(r"(?:OPTION|LAST_UNCHECKED|META|SLUG)\s*=\s*'([^']+)'", content)
        assert all(re.match("_?goodhoster", name) for name in named)
        assert path.name == "uninstall.php" or re.search(r"^namespace Goodhoster;$", content, re.MULTILINE)
