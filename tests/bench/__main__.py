"""Measures what each pattern costs; decides no test.

`make bench` writes BENCH.md and bench.svg into the folder `tests`. Names of
groups, as in `make bench ONLY="requests databases"`, print their rows alone.
QUICK=1 measures everything only once, for the test.
"""

import csv
import gc
import os
import sys
import tempfile
import time
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
import runner
from bench import groups, report

QUICK = bool(os.environ.get("QUICK"))


def measure(ways):
    """Call the functions `ways` in turn, and return the figures of each one.

    In turn, so that a busy moment meets all of them. The first round only
    warms up. A figure is the float that a function returns, or its seconds.
    """
    figures = [way and [] for way in ways]
    least, seconds = (1, 0) if QUICK else (5, 1.5)
    rounds, end = 0, time.monotonic() + seconds
    # Don't let Python search what the rows above have left for garbage.
    gc.freeze()

    while rounds <= least or time.monotonic() < end:
        rounds += 1

        for way, found in zip(ways, figures, strict=True):
            if way:
                start = time.perf_counter()
                own = way()
                took = time.perf_counter() - start
                found.append(own if isinstance(own, float) else took)

    return [found and found[1:] for found in figures]


def main(only):
    start, load = time.monotonic(), os.getloadavg()[0]
    text = Path(__file__).with_name("rows.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    rows = [row for row in rows if not only or row["group"] in only]
    # In memory, because a busy disk would hide what the patterns cost.
    memory = "/dev/shm" if Path("/dev/shm").exists() else None  # noqa: S108

    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory) as tmp:
        for path in runner.SAMPLES.values():
            runner.copy(path, tmp)

        for group, texts in groupby(rows, itemgetter("group")):
            trios = getattr(groups, group)(Path(tmp))

            try:
                for row, trio in zip(texts, trios, strict=True):
                    row["figures"] = measure(trio)
                    print(report.line(row), flush=True)
            except pytest.skip.Exception as missing:
                print(f"Rows of {group} are missing: {missing}")

    if not only:
        tests = runner.ROOT / "tests"
        rows = [row for row in rows if "figures" in row]
        table = report.table(rows, time.monotonic() - start, load)
        (tests / "BENCH.md").write_text(table, encoding="utf-8")
        (tests / "bench.svg").write_text(report.chart(rows), encoding="utf-8")


main(sys.argv[1:])
