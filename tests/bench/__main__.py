"""Measures what each pattern costs; decides no test.

`make bench` writes BENCH.md and bench.svg into the folder `tests`. Names of
groups, as in `make bench ONLY="requests databases"`, print their rows alone,
and QUICK=1 does everything once.
"""

import csv
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import runner
from bench import groups, measure, report

GROUPS = {
    "requests": groups.requests,
    "caches": groups.caches,
    "databases": groups.databases,
    "documents": groups.documents,
    "bodies": groups.bodies,
    "starts": groups.starts,
    "queues": groups.queues,
}


def measured(group, samples, tmp):
    """Yield the rows of a group, each with its texts and its figures."""
    with Path(__file__).with_name("rows.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["group"] == group]

    for row, ways in zip(rows, GROUPS[group](samples, tmp), strict=True):
        figures = ways

        if not isinstance(ways, str):
            figures = measure.measure(ways)

        yield row | {"figures": figures}


def main(names):
    # Stop the servers, too, if a time limit ends this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    start, load = time.monotonic(), os.getloadavg()[0]
    rows = []

    # In memory, because a busy disk would hide what the patterns cost.
    memory = "/dev/shm" if Path("/dev/shm").exists() else None  # noqa: S108

    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as folder:
        tmp = Path(folder)
        samples = {
            name: runner.copy(path, tmp / "samples")
            for name, path in runner.SAMPLES.items()
        }

        for name in names or GROUPS:
            for row in measured(name, samples, tmp):
                rows.append(row)
                print(*report.cells(row), sep=" | ", flush=True)

    seconds = time.monotonic() - start
    print(f"{seconds:.0f} s in all")

    if not names and not measure.QUICK:
        to = runner.ROOT / "tests"
        text = report.table(rows, seconds, load)
        (to / "BENCH.md").write_text(text, encoding="utf-8")
        (to / "bench.svg").write_text(report.chart(rows), encoding="utf-8")


main(sys.argv[1:])
