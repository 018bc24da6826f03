"""screening: names against a list in time and memory, recall and false findings on a made-up set with known answers.

Beside plain rapidfuzz (token_sort_ratio from 85 on, lower case), which compares every pair. Goal: 10,000 names against
100,000 entries in less than 60 seconds. A tenth of the customers stand on the list, spelled otherwise; for each of them
there is also a neighbour on the list who is somebody else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from rapidfuzz import fuzz, process

from benchmarks.measuring import SMALLEST, private_mib, sizes
from goodhoster.customers.screening.name_index import NameIndex
from goodhoster.model.customers.screening import Party

ENTRIES = sizes(2_000, 20_000, 100_000)
Pairs = set[tuple[str, str]]
PLAIN_CUTOFF = 85
PLAIN_CUSTOMERS = 500  # what every pair is compared for; its time is scaled up
ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "z",
    "br",
    "dr",
    "gr",
    "kl",
    "kr",
    "st",
    "tr",
)
SYLLABLES = [
    onset + vowel + coda
    for onset in ONSETS
    for vowel in ["a", "e", "i", "o", "u"]
    for coda in ("", "", "n", "l", "r", "s", "m", "t")
]
ENDINGS = ("sen", "son", "man", "berg", "ov", "in", "ski", "sma", "stra", "dijk", "ez", "ini", "oglu", "ian", "escu")
FIRST = (
    "Jan",
    "Peter",
    "Anna",
    "Maria",
    "Muhammad",
    "Ahmed",
    "Ivan",
    "Olga",
    "Sergei",
    "Fatima",
    "Chen",
    "Lucas",
    "Emma",
    "Noah",
    "Julia",
    "Thomas",
    "Elena",
    "Pavel",
    "Dmitri",
    "Natalia",
    "Omar",
    "Yusuf",
    "Ali",
    "Sara",
    "Laura",
    "Daniel",
    "David",
    "Michael",
    "Robert",
    "Alexander",
    "Catherine",
    "Nikolai",
    "Tatiana",
    "Vladimir",
    "Yulia",
)
TRADES = (
    "Hosting",
    "Media",
    "Telecom",
    "Trading",
    "Logistics",
    "Digital",
    "Cloud",
    "Networks",
    "Consulting",
    "Solutions",
    "Systems",
    "Online",
)
FORMS = ("BV", "GmbH", "Ltd", "LLC", "SARL", "SpA", "AB", "Oy", "NV")


def main() -> None:
    print(f"{'entries':>9} {'customers':>9}   {'':<10} {'seconds':>9} {'get':>8} {'false':>8} {'MiB':>8}")
    for entries in ENTRIES:
        customers, listed, truth = made_up(entries // 10, entries)
        before, begun = private_mib(), time.perf_counter()
        found = ours(customers, listed)
        _line((entries, len(customers)), "goodhoster", time.perf_counter() - begun, score(found, truth, None))
        print(f"{'':>57} {private_mib() - before:>8.0f}")
        sample = random.Random(1).sample(customers, min(PLAIN_CUSTOMERS, len(customers)))
        begun = time.perf_counter()
        plain_found = plain(sample, listed)
        seconds = (time.perf_counter() - begun) * len(customers) / len(sample)
        names = {each.id for each in sample}
        _line((entries, len(customers)), "rapidfuzz", seconds, score(plain_found, truth, names))
        _line((entries, len(sample)), "(ours, same)", 0, score(found, truth, names))
        if not SMALLEST:
            _by_change(found, plain_found, truth, names)


def _line(sizes_: tuple[int, int], name: str, seconds: float, result: tuple[float, int]) -> None:
    print(f"{sizes_[0]:>9,} {sizes_[1]:>9,}   {name:<12} {seconds:>7.1f} {result[0]:>8.1%} {result[1]:>8,}", flush=True)


def score(found: set[tuple[str, str]], truth: dict[tuple[str, str], str], names: set[str] | None) -> tuple[float, int]:
    """Recall, and the number of findings that are wrong."""
    meant = {pair for pair in truth if names is None or pair[1] in names}
    seen = {pair for pair in found if names is None or pair[1] in names}
    return len(seen & meant) / len(meant), len(seen - meant)


def _by_change(found: Pairs, plain_found: Pairs, truth: dict[tuple[str, str], str], names: set[str]) -> None:
    """Recall by the way in which the name is spelled otherwise."""
    for change in sorted(set(truth.values())):
        meant = {pair for pair, how in truth.items() if how == change}
        few = {pair for pair in meant if pair[1] in names}
        theirs = f"{len(few & plain_found) / len(few):.0%}" if few else "–"
        print(f"{'':>22} {change:<22} ours {len(meant & found) / len(meant):>5.0%}   rapidfuzz {theirs:>5}")


def ours(customers: list[Party], listed: list[Party]) -> set[tuple[str, str]]:
    index = NameIndex(customers)
    return {(entry.id, customers[match.party].id) for entry in listed for match in index.matches(entry)}


def plain(customers: list[Party], listed: list[Party]) -> set[tuple[str, str]]:
    names = [" ".join(sorted(entry.names[0].lower().split())) for entry in listed]
    found = set()
    for customer in customers:
        asked = " ".join(sorted(customer.names[0].lower().split()))
        for _, _, at in process.extract(asked, names, scorer=fuzz.ratio, score_cutoff=PLAIN_CUTOFF, limit=None):
            found.add((listed[at].id, customer.id))
    return found


def made_up(customers: int, entries: int) -> tuple[list[Party], list[Party], dict[tuple[str, str], str]]:
    """Customers, a list, and which entry is which customer by which change of its name."""
    chance = random.Random(7)
    ours_ = [_party(f"c{number}", chance) for number in range(customers)]
    listed: list[Party] = []
    truth = {}
    changes = list(CHANGES.items())
    for number, customer in enumerate(ours_[: customers // 10]):
        how, change = changes[number % len(changes)]
        name = change(customer.names[0], chance)
        listed.append(Party(f"t{number}", customer.kind, (name,)))
        truth[f"t{number}", customer.id] = how
        listed.append(Party(f"n{number}", customer.kind, (_neighbour(customer, chance),)))
    listed += [_party(f"e{number}", chance) for number in range(entries - len(listed))]
    chance.shuffle(listed)
    return ours_, listed, truth


def _party(name: str, chance: random.Random) -> Party:
    if chance.random() < 0.5:
        return Party(name, "person", (f"{chance.choice(FIRST)} {_surname(chance)}",))
    return Party(name, "company", (f"{_surname(chance)} {chance.choice(TRADES)} {chance.choice(FORMS)}",))


def _surname(chance: random.Random) -> str:
    syllables = (chance.choice(SYLLABLES) for _ in range(chance.choice((2, 2, 3))))
    return ("".join(syllables) + chance.choice(ENDINGS)).capitalize()


def _neighbour(party: Party, chance: random.Random) -> str:
    """Somebody else with the same first name or trade, whose surname begins with another letter."""
    words = party.names[0].split()
    at = 0 if party.kind == "company" else 1
    other = chance.choice([letter for letter in "bdfghklmnprstvz" if letter != words[at][0].lower()])
    words[at] = (other + words[at][1:]).capitalize()
    return " ".join(words)


def _typo(name: str, chance: random.Random) -> str:
    words = name.split()
    at = max(range(len(words)), key=lambda place: len(words[place]))
    word = words[at]
    place = chance.randrange(1, len(word) - 1)
    words[at] = chance.choice(
        (word[:place] + word[place + 1 :], word[:place] + word[place + 1] + word[place] + word[place + 2 :])
    )
    return " ".join(words)


def _turned(name: str, _: random.Random) -> str:
    words = name.split()
    form = words[-1:] if words[-1] in FORMS else []
    return " ".join([*reversed(words[: len(words) - len(form)]), *form]).upper()


def _other_form(name: str, chance: random.Random) -> str:
    words = name.split()
    return " ".join([*words[:-1], chance.choice(FORMS)]) if words[-1] in FORMS else f"Mr. {name}"


def _no_form(name: str, _: random.Random) -> str:
    words = name.split()
    return " ".join(words[:-1]) if words[-1] in FORMS else name.upper()


CYRILLIC = str.maketrans("abvgdezijklmnoprstufhyw", "абвгдезийклмнопрстуфхыв")


def _cyrillic(name: str, _: random.Random) -> str:
    words = name.split()
    form = words[-1:] if words[-1] in FORMS else []
    bare = " ".join(words[: len(words) - len(form)]).lower()
    for latin, letter in (("sh", "ш"), ("ch", "ч"), ("ya", "я"), ("yu", "ю"), ("x", "кс"), ("th", "т"), ("c", "к")):
        bare = bare.replace(latin, letter)
    return " ".join([bare.translate(CYRILLIC).title(), *form])


def _accents(name: str, _: random.Random) -> str:
    return name.translate(str.maketrans("aeosz", "áéøšž"))


def _joined(name: str, _: random.Random) -> str:
    words = name.split()
    return "".join(words[:2]) + " " + " ".join(words[2:]) if words[-1] in FORMS else "-".join(words)


def _middle_name(name: str, chance: random.Random) -> str:
    words = name.split()
    return name if words[-1] in FORMS else f"{words[0]} {chance.choice(FIRST)} {words[1]}"


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "same": lambda name, _: name,
    "typing error": _typo,
    "words in other order": _turned,
    "other legal form": _other_form,
    "no legal form": _no_form,
    "Cyrillic": _cyrillic,
    "accents": _accents,
    "written as one word": _joined,
    "one more name": _middle_name,
}


if __name__ == "__main__":
    main()
