"""What no program can know, from the hoster's own file: proofs that expire, people, answers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from goodhoster.errors import ConfigurationError

_LARGEST_PROOF = 1 << 20


@dataclass(frozen=True, slots=True)
class NormProof:
    """A proof that a norm is kept, such as the invoice of a contribution."""

    norm: str
    what: str
    since: date | None = None
    expires: date | None = None
    """From that day on it proves nothing any more; None: never."""
    reference: str = ""
    """Where the paper is."""


@dataclass(frozen=True, slots=True)
class People:
    """Those who decide about content, by language."""

    language: str
    number: int
    qualification: str = ""


@dataclass(frozen=True, slots=True)
class QuestionnaireAnswer:
    """A question of a questionnaire, such as a hotline's, and what you answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Proofs:
    """The whole file."""

    proofs: tuple[NormProof, ...] = ()
    people: tuple[People, ...] = ()
    answers: tuple[QuestionnaireAnswer, ...] = ()

    def of(self, norm: str) -> list[NormProof]:
        """Proofs of a norm, the one that lasts longest first."""
        found = [proof for proof in self.proofs if proof.norm == norm]
        return sorted(found, key=lambda proof: proof.expires or date.max, reverse=True)


def read_proofs(file: Path | None, norms: Sequence[str]) -> Proofs:
    """Read the file; ConfigurationError says what is wrong in it, and where."""
    if file is None:
        return Proofs()
    try:
        content = file.read_bytes()[: _LARGEST_PROOF + 1]
        if len(content) > _LARGEST_PROOF:
            raise ConfigurationError(
                f"{file} is larger than {_LARGEST_PROOF:,} bytes", hint="see docs/how-to-reports.md"
            )
        tables = tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", hint="see [reports] proofs") from error
    kinds = {"proof": NormProof, "people": People, "answer": QuestionnaireAnswer}
    if unknown := sorted(set(tables) - set(kinds)):
        raise ConfigurationError(f"{file}: unknown table {unknown[0]}", hint=f"known are: {', '.join(kinds)}")
    read = {
        name: tuple(_read(kind, table, f"{file} [[{name}]]") for table in _listed(tables, name))
        for name, kind in kinds.items()
    }
    found = Proofs(read["proof"], read["people"], read["answer"])
    for proof in found.proofs:
        if proof.norm not in norms:
            raise ConfigurationError(f"{file}: there is no norm {proof.norm}", hint=f"known are: {', '.join(norms)}")
    return found


def _listed(tables: Mapping[str, Any], name: str) -> list[Any]:
    value = tables.get(name, [])
    return value if isinstance(value, list) else [value]


def _read(kind: type[Any], table: Any, where: str) -> Any:  # noqa: ANN401 - a TOML value, and one of three values
    try:
        value = kind(**table)
    except TypeError as error:
        raise ConfigurationError(
            f"{where}: {error}", hint=f"its keys are: {', '.join(kind.__annotations__)}"
        ) from error
    for key, wanted in kind.__annotations__.items():
        _expect(getattr(value, key), wanted, f"{where}: {key}")
    return value


def _expect(value: object, wanted: str, where: str) -> None:
    fits = {
        "str": isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "date | None": value is None or (isinstance(value, date) and not isinstance(value, datetime)),
    }
    if not fits[wanted]:
        words = {"str": "a text", "int": "a whole number", "date | None": "a day, such as 2026-12-31 without quotes"}
        raise ConfigurationError(f"{where} = {value!r} cannot be used", hint=f"give {words[wanted]}")
