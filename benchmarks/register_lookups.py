"""register: customers imported from a list, again, and looked up by host and path; goal 100,000 in 60 s and 300 MB.

Each customer has three sites, one of them with an alias; every tenth is below a reseller. Goal of a look-up: 1 ms.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import sizes
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.importing.importer import RegisterImporter, RegisterImportOrder
from goodhoster.linux.file_lock import FileLock

CUSTOMERS = sizes(200, 100_000)[-1]
LOOKUPS = sizes(100, 5_000)[-1]
COLUMNS = (
    *("customer_id", "name", "email", "reseller", "language", "country"),
    *("phone", "domain", "docroot", "user", "external_billing"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "list.csv")
        print(f"{CUSTOMERS:,} customers with {3 * CUSTOMERS:,} sites, {(folder / 'list.csv').stat().st_size >> 20} MiB")
        for what in ("first import", "same again"):
            child = [sys.executable, "-m", "benchmarks.register_lookups", str(folder)]
            told = subprocess.run(child, capture_output=True, text=True, check=True).stdout.split()
            print(f"{what:<14} {float(told[0]):6.1f} s   {int(told[1]) / 1024:6.0f} MB at most")
        _look_up(folder)


def _write(file: Path) -> None:
    with file.open("w", newline="") as opened:
        out = csv.writer(opened)
        out.writerow(COLUMNS)
        for n in range(CUSTOMERS):
            reseller = f"c{n // 10:06}" if n % 10 == 1 and n > 10 else ""
            common = (f"c{n:06}", f"Customer Number {n}", f"c{n}@mail.example", reseller, "nl", "NL", "+31201234567")
            for site in range(3):
                domain = f"site{site}.c{n:06}.example" + (f" www.c{n:06}.example" if not site else "")
                out.writerow((*common, domain, f"/srv/customers/c{n:06}/site{site}/www", f"u{n}", n))


def _import(folder: Path) -> None:
    with closing(customers_file(folder / "customers.sqlite")) as record:
        store = SqliteCustomerStore(record)
        log, lock = FileAuditLog(folder / "audit.log"), FileLock(folder / "lock")
        importer = RegisterImporter(store, log, lock, lambda: datetime.now(UTC))
        begun = time.perf_counter()
        result = importer.import_file(folder / "list.csv", RegisterImportOrder("list", "benchmark", replace=True))
        assert result.applied
        assert not result.report.rejections
        assert (result.customers, result.sites) == (CUSTOMERS, 3 * CUSTOMERS)
        print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _look_up(folder: Path) -> None:
    with closing(customers_file(folder / "customers.sqlite")) as record:
        store = SqliteCustomerStore(record)
        chosen = [n * 7919 % CUSTOMERS for n in range(LOOKUPS)]

        def path(n: int) -> str:
            (site,) = store.holding(f"/srv/customers/c{n:06}/site1/www/wp-content/uploads/2026/11/a.jpg".encode())
            return site.customer

        questions: dict[str, Callable[[int], str]] = {
            "host": lambda n: store.named(f"site2.c{n:06}.example")[0].customer,
            "alias": lambda n: store.named(f"www.c{n:06}.example")[0].customer,
            "path": path,
            "id": lambda n: store.get(f"c{n:06}").id,
        }
        for what, ask in questions.items():
            took = []
            for n in chosen:
                begun = time.perf_counter()
                assert ask(n) == f"c{n:06}"
                took.append(time.perf_counter() - begun)
            took.sort()
            median, worst = took[len(took) // 2], took[-1 - len(took) // 100]
            print(f"by {what:<11} {median * 1e6:6.0f} µs median, {worst * 1e6:.0f} µs p99")


if __name__ == "__main__":
    _import(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
