"""The pages that a hoster puts on its site for customers: the same parts in each language, and what the letters say."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import Environment, meta

from goodhoster.letters import texts
from goodhoster.model.customers.house_rules import AppealRules
from goodhoster.settings.contacts import ContactSettings
from goodhoster.settings.vetting import VettingSettings
from goodhoster_agent.doors import appeal_pages, contact_pages

DOCS = Path(__file__).parents[2] / "docs/customers"
TEMPLATES = Path(texts.__file__).with_name("templates")
LANGUAGES = ("en", "nl", "de")
PAGES = ("objections", "identity", "contact")
SUBJECT = re.compile(r"\*([^*]+)\*")
LINK = re.compile(r"\]\(([^)]*)\)")
PART = re.compile(r"^(#+|\d+\.|-|\||)(?: |$)")


def text_of(page: str, language: str) -> str:
    return (DOCS / f"{page}.{language}.md").read_text("utf-8")


def parts(text: str) -> list[str]:
    """Of what kind each part is: headings, items, rows with so many cells, paragraphs."""
    found = []
    for block in re.split(r"\n\n+", text.strip()):
        lines = [line for line in block.splitlines() if not line.startswith("  ")]
        kinds = [PART.match(line) for line in lines]
        marked = [
            kind[1] if kind[1] != "|" else f"| {line.count('|')}"
            for kind, line in zip(kinds, lines, strict=True)
            if kind and kind[1]
        ]
        found += marked or ["paragraph"]
    return found


def facts(text: str) -> list[str]:
    """What no translation changes: numbers, placeholders, and what is to be typed, but for the words YES and JA."""
    return sorted(re.findall(r"\b\d+(?:/\d+)?\b|\b[A-Z]{4,}(?:-[A-Z]+)*\b|`\[.+?\]`", text))


def test_each_page_is_there_in_each_language() -> None:
    assert {file.name for file in DOCS.iterdir()} == {
        f"{page}.{language}.md" for page in PAGES for language in LANGUAGES
    }


@pytest.mark.parametrize("language", ["nl", "de"])
@pytest.mark.parametrize("page", PAGES)
def test_a_translation_has_the_same_parts_and_facts(page: str, language: str) -> None:
    english, translated = text_of(page, "en"), text_of(page, language)
    assert parts(translated) == parts(english)
    assert facts(translated) == facts(english)
    links = [link.replace(".en.md", f".{language}.md") for link in LINK.findall(english)]
    assert LINK.findall(translated) == links


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("page", "letters"), [("objections", ("offline", "statement")), ("contact", ("contact",))])
def test_a_page_names_the_subjects_that_letters_have(page: str, letters: tuple[str, ...], language: str) -> None:
    told = [" ".join(subject.split()) for subject in SUBJECT.findall(text_of(page, language))]
    sent = [(TEMPLATES / language / f"{letter}.txt").read_text("utf-8").partition("\n")[0] for letter in letters]
    plain = [re.sub(r'\{\{ "[^"]*" if reminder else "([^"]*)" \}\}', r"\1", subject) for subject in sent]
    assert [subject for subject, line in zip(told, plain, strict=True) if not line.startswith(subject)] == []


def test_times_and_numbers_are_those_of_a_house_without_settings_of_its_own() -> None:
    contacts, vetting = ContactSettings(), VettingSettings()
    assert f"{AppealRules().months} months" in text_of("objections", "en")
    assert f"{timedelta(seconds=contacts.token_for).days} days" in text_of("contact", "en")
    assert f"{contacts.drill_within / 3600:.0f} hours" in text_of("contact", "en")
    assert (vetting.valid_for, vetting.valid_for_high) == (365 * 86400, 182 * 86400)
    assert "12 months, at a higher risk for 6 months" in text_of("identity", "en")


@pytest.mark.parametrize(("language", "word"), [("en", "YES"), ("nl", "JA"), ("de", "JA")])
def test_the_word_to_answer_with_is_the_letters(language: str, word: str) -> None:
    assert f"`{word}`" in text_of("contact", language)
    assert re.search(rf"\b{word}\b", (TEMPLATES / language / "contact.txt").read_text("utf-8"))


@pytest.mark.parametrize("language", ["nl", "de"])
def test_letters_and_pages_of_the_program_have_the_same_parts_too(language: str) -> None:
    environment = Environment()  # noqa: S701 - only read
    for english in (TEMPLATES / "en").iterdir():
        names = [
            meta.find_undeclared_variables(environment.parse((TEMPLATES / each / english.name).read_text("utf-8")))
            for each in ("en", language)
        ]
        assert names[0] == names[1], english.name
    for words in (appeal_pages._WORDS, contact_pages._WORDS):
        assert words[language].keys() == words["en"].keys()
