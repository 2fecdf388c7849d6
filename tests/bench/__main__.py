"""Measures what each pattern costs; decides no test.

`make bench` writes BENCH.md and bench.svg into the folder `tests`. Names of
groups, as in `make bench ONLY="requests databases"`, print their rows alone.
QUICK=1 measures everything once, and writes nothing either.
"""

import csv
import itertools
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import runner
from bench import groups, report
from bench.measure import QUICK, measure


def measured(only, samples, tmp):
    """Yield the rows of rows.csv with their figures, or a server's name."""
    text = Path(__file__).with_name("rows.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())

    for group, texts in itertools.groupby(rows, lambda row: row["group"]):
        if not only or group in only:
            ways = getattr(groups, group)(samples, tmp)

            for row, trio in zip(texts, ways, strict=True):
                missing = isinstance(trio, str)
                yield row | {"figures": trio if missing else measure(trio)}


def main(only):
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

        for row in measured(only, samples, tmp):
            rows.append(row)
            print(*report.cells(row), sep=" | ", flush=True)

    seconds = time.monotonic() - start
    print(f"{seconds:.0f} s in all")

    if not only and not QUICK:
        to = runner.ROOT / "tests"
        text = report.table(rows, seconds, load)
        (to / "BENCH.md").write_text(text, encoding="utf-8")
        (to / "bench.svg").write_text(report.chart(rows), encoding="utf-8")


main(sys.argv[1:])
