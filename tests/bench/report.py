"""The table and the chart."""

import os
import platform
import sqlite3
import statistics
import textwrap
import time
from importlib.metadata import version

MORE = 1.2  # times Flask's page, above which a README says what it buys


def show(figures, row):
    """Return the median of the figures, and the best one."""
    if figures is None:
        return "—"

    amount, unit = row["amount"], row["unit"]
    values = [float(amount) / it if amount else it for it in figures]
    middle, best = statistics.median(values), (max if amount else min)(values)
    scale = 1

    if unit == "s" and middle < 1:
        scale, unit = (1e3, "ms") if middle >= 1e-3 else (1e6, "µs")

    def digits(value):
        value *= scale
        return f"{value:,.{0 if value >= 100 or value % 1 == 0 else 1}f}"

    return f"{digits(middle)} {unit} (best {digits(best)})"


def times(row):
    """Return how often a sample needs what Flask's page needs, or None."""
    if isinstance(row["figures"], str) or not row["figures"][1]:
        return None

    sample, page, _ = map(statistics.median, row["figures"])
    return sample / page


def cells(row):
    name = f"`{row['pattern']}`: {row['what']}"

    if isinstance(row["figures"], str):
        return [name, f"no {row['figures']}", "—", "—", "—", row["why"]]

    sample, page, limit = (show(it, row) for it in row["figures"])
    ratio = times(row)
    bold = "**" if ratio and ratio > MORE else ""
    said = f"{bold}{ratio:.2f}{bold}" if ratio else "—"
    return [name, sample, page, f"{limit}: {row['limit']}", said, row["why"]]


BUSY = (
    "other programs were running. The rows in µs took many rounds and can be"
    " trusted. The others took as few as five, and are rough"
)
HEAD = """# What each pattern costs

`make bench` measures this in one run, and no test depends on a figure. It was
{when}, with {cores} cores, Python {python}, SQLite {sqlite}, {versions}, and a
load of {load:.1f} at the start, so {busy}. It took {seconds:.0f} s.

A figure is the median of many rounds, with the best one in parentheses. Each
round measures the sample, Flask's page, and the limit in turn. Files are in
memory, because the disk would hide what the patterns cost. The *limit* is the
least that the same work can cost. *Times* is what the sample needs, divided by
what Flask's page needs. Above {more}, it is bold, and the sample's README says
what you get for it. Where Flask's page has no code, there is a dash.

![The sample, compared with Flask's page](bench.svg)

| Measured | This sample | Flask's page | The limit | Times | What costs |
|---|---|---|---|---|---|
"""


def table(rows, seconds, load):
    names = "flask", "werkzeug", "sqlalchemy", "celery", "gunicorn"
    head = HEAD.format(
        when=time.strftime("%d %B %Y", time.gmtime()),
        cores=os.cpu_count(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        versions=", ".join(f"{name} {version(name)}" for name in names),
        load=load,
        busy=BUSY if load > 1 else "it was quiet",
        seconds=seconds,
        more=MORE,
    )
    paragraphs = head.split("\n\n")
    paragraphs[1] = textwrap.fill(paragraphs[1], 79)
    lines = [f"| {' | '.join(cells(row))} |\n" for row in rows]
    return "\n\n".join(paragraphs) + "".join(lines)


# -- The chart --------------------------------------------------------------

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 800 {height}"
  font-family="sans-serif" font-size="13">
<title>{title}</title>
<style>
  svg {{ background: #fff }} text {{ fill: #222 }} .name {{ text-anchor: end }}
  .mid {{ text-anchor: middle }}
  .head {{ font-size: 18px; font-weight: bold }} line {{ stroke: #999 }}
  .less {{ fill: #2f7d4f }} .same {{ fill: #3572b0 }} .more {{ fill: #c4501b }}
  @media (prefers-color-scheme: dark) {{
    svg {{ background: #181818 }} text {{ fill: #eee }}
    .less {{ fill: #5cb37e }} .same {{ fill: #6ba3de }}
    .more {{ fill: #f08a55 }}
  }}
</style>
<text x="20" y="30" class="head">{title}</text>
<text x="20" y="54">Time or memory, divided by what the code on Flask's page
needs. Shorter is better. Orange: above {more}.</text>
<text x="{one}" y="80" class="mid">1 = Flask's page</text>
<line x1="{one}" x2="{one}" y1="86" y2="{height}" stroke-dasharray="4 3"/>
{bars}
</svg>
"""


def chart(rows):
    """Return an SVG with a bar for each row that has a page to compare."""
    rows = [row for row in rows if times(row)]
    left, width, bars = 380, 360, []
    scale = width / max(2, *map(times, rows))

    for number, row in enumerate(rows):
        value, y = times(row), 94 + 24 * number
        kind = (
            "more" if value > MORE else "less" if value < 1 / MORE else "same"
        )
        name = f"{row['pattern']}: {row['what']}"
        bars.append(
            f'<text x="{left - 10}" y="{y + 12}" class="name">{name}</text>\n'
            f'<rect x="{left}" y="{y}" width="{value * scale:.0f}" height="16"'
            f' class="{kind}"/>\n<text x="{left + value * scale + 6:.0f}"'
            f' y="{y + 12}">{value:.2f}</text>'
        )

    return SVG.format(
        title="What each sample costs, compared with Flask's page",
        height=108 + 24 * len(rows),
        one=f"{left + scale:.0f}",
        more=MORE,
        bars="\n".join(bars),
    )
