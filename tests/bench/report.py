"""The table and the chart."""

import math
import os
import platform
import re
import sqlite3
import textwrap
import time
from importlib.metadata import version
from pathlib import Path

from bench.measure import left_out, show

EXPLAIN = 1.2  # times the limit, above which the sample's README says why

HEAD = """# What each pattern costs

Measured in one run by `make bench`, and no test depends on it. {when}, {cores}
cores ({model}), load {load} at the start{busy}, {system}, Python {python},
SQLite {sqlite}, {versions}; {seconds} s in all.

A figure is the median of its runs, with the lowest and the highest. The
*limit* is the least that the same work can take, *times* how often the sample
needs it (bold above {explain}), *without the pattern* the plain way to do
it. The last column says what costs. The [chart](bench.svg) shows the same.
{left_out}
| measured | sample | limit | times | without the pattern | |
|---|---|---|---|---|---|
"""


def cells(row):
    times = row.times(row.sample)
    bold = "**" if times > EXPLAIN else ""
    plain = row.plain and f"{show(row.plain, row.unit)}: {row.plain_is}"
    return [
        f"`{row.pattern}`: {row.what}",
        show(row.sample, row.unit, spread=True),
        f"{show(row.limit, row.unit)}: {row.limit_is}",
        f"{bold}{times:,.2f}{bold}",
        plain or "—",
        row.why,
    ]


def table(rows, seconds, load):
    cpu = re.search(
        r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8")
    )
    names = "flask", "werkzeug", "sqlalchemy", "celery", "gunicorn"
    head = HEAD.format(
        when=time.strftime("%d %B %Y", time.gmtime()),
        cores=os.cpu_count(),
        model=cpu[1] if cpu else platform.machine(),
        load=f"{load:.1f}",
        busy=" (busy, so preliminary)" * (load > 1),
        system=platform.system(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        versions=", ".join(f"{name} {version(name)}" for name in names),
        seconds=f"{seconds:.0f}",
        explain=EXPLAIN,
        left_out="".join(f"\nLeft out: {why}\n" for why in left_out),
    )
    paragraphs = head.split("\n\n")
    paragraphs[1] = textwrap.fill(paragraphs[1], 79)
    lines = (f"| {' | '.join(cells(row))} |\n" for row in rows)
    return "\n\n".join(paragraphs) + "".join(lines)


# -- The chart --------------------------------------------------------------

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg" role="img"'
FONT = 'font-family="sans-serif" font-size="11"'
KEY = (
    "Bar: the sample. Stroke: without the pattern. 1 is the limit, the least"
    " that the work can take. Less is better; logarithmic."
)
STYLE = """
  svg { background: #fff } text, .plain { fill: #222 } .axis { stroke: #bbb }
  .sample { fill: #3572b0 } .head { font-size: 16px }
  .name { text-anchor: end } .mid { text-anchor: middle }
  @media (prefers-color-scheme: dark) {
    svg { background: #181818 } text, .plain { fill: #eee }
    .sample { fill: #6ba3de } .axis { stroke: #555 }
  }
"""


def chart(rows):
    """Return an SVG: a bar for each sample, a stroke for the plain way."""
    left, right, step = 400, 780, 18
    times = {id(row): row.times(row.sample) for row in rows}
    plain = {id(row): row.times(row.plain) for row in rows if row.plain}
    both = [*times.values(), *plain.values()]
    low = math.floor(math.log10(min(both)))
    high = math.ceil(math.log10(max(both)))
    height = 90 + step * len(rows)

    def x(times):
        place = (math.log10(times) - low) / (high - low)
        return round(left + place * (right - left), 1)

    def text(x, y, words, kind=""):
        words = words.replace("`", "").replace("<", "&lt;")
        return f'<text x="{x}" y="{y}" class="{kind}">{words}</text>'

    title = "What each pattern costs: times its limit"
    parts = [
        f'<svg {NAMESPACE} viewBox="0 0 860 {height}" {FONT}>',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        text(20, 26, title, "head"),
        text(20, 46, KEY),
    ]

    for power in range(low, high + 1):
        place = x(10**power)
        parts.append(f'<path class="axis" d="M{place} 76V{height - 10}"/>')
        parts.append(text(place, 70, f"{10**power:,g}", "mid"))

    for number, row in enumerate(rows):
        y = 82 + step * number
        a, b = sorted((x(1), x(times[id(row)])))
        parts.append(text(left - 8, y + 10, cells(row)[0], "name"))
        parts.append(
            f'<rect class="sample" x="{a}" y="{y}" width="{max(b - a, 1):.1f}"'
            ' height="12"/>'
        )

        if id(row) in plain:
            parts.append(
                f'<rect class="plain" x="{x(plain[id(row)]) - 1}"'
                f' y="{y - 2}" width="2" height="16"/>'
            )

        parts.append(text(right + 8, y + 10, f"{times[id(row)]:,.2f}"))

    return "\n".join([*parts, "</svg>\n"])
