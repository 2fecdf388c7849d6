"""Measures what each pattern costs; decides no test.

`make bench` writes BENCH.md and bench.svg into the folder `tests`. Names of
groups, as in `make bench ONLY="boot requests"`, print their rows alone.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import runner
from bench import bodies, caches, databases, queues, report, requests, starts

GROUPS = {
    "boot": starts.boot,
    "lazy": starts.lazy,
    "requests": requests.rows,
    "databases": databases.rows,
    "caches": caches.rows,
    "bodies": bodies.rows,
    "queues": queues.rows,
}


def main(names):
    start, load = time.monotonic(), os.getloadavg()[0]
    rows = []

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tmp = Path(folder)
        samples = {
            name: runner.copy(path, tmp / "samples")
            for name, path in runner.SAMPLES.items()
        }

        for name in names or GROUPS:
            for row in GROUPS[name](samples, tmp):
                rows.append(row)
                print(*report.cells(row), sep=" | ", flush=True)

    seconds = time.monotonic() - start
    print(f"{seconds:.0f} s in all")

    if not names:
        to = runner.ROOT / "tests"
        (to / "BENCH.md").write_text(
            report.table(rows, seconds, load), "utf-8"
        )
        (to / "bench.svg").write_text(report.chart(rows), "utf-8")


main(sys.argv[1:])
