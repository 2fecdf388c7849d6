"""The table and the chart."""

import os
import platform
import statistics
import time
from importlib.metadata import version

MORE = 1.2  # times Flask's page, above which a README says what it buys


def show(figures, row):
    """Return the median of the figures, with its unit."""
    if not figures:
        return "—"

    middle, factor = statistics.median(figures), float(row["factor"])
    value = factor / middle if row["unit"].endswith("/s") else factor * middle
    return f"{round(value, 1 if value < 100 else None):,g} {row['unit']}"


def times(row):
    """Return how often a sample needs what Flask's page needs, or None."""
    sample, page, _ = row["figures"]
    return page and statistics.median(sample) / statistics.median(page)


def line(row):
    """Return the row as a line of the table."""
    sample, page, limit = (show(it, row) for it in row["figures"])
    ratio = times(row)
    bold = "**" if ratio and ratio > MORE else ""
    said = f"{bold}{ratio:.2f}{bold}" if ratio else "—"
    name = f"`{row['pattern']}`: {row['what']}"
    cells = name, sample, page, f"{limit}: {row['limit']}", said, row["why"]
    return f"| {' | '.join(cells)} |"


def table(rows, seconds, load):
    names = "flask", "werkzeug", "sqlalchemy", "celery", "gunicorn"
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    lines = "\n".join(map(line, rows))
    return f"""# What each pattern costs

`make bench` measured this on {time.strftime("%d %B %Y")} in {seconds:.0f} s,
with {os.cpu_count()} cores, Python {platform.python_version()},
{versions}.
The load was {load:.1f} at the start. Above 1, other programs were running, and
figures in ms and MB/s are rough. No test depends on a figure.

A figure is the median of many rounds. Each round measures the sample, Flask's
page, and the limit in turn. Files are in memory, because the disk would hide
what the patterns cost. The *limit* is the least that the same work can cost.
*Times* is what the sample needs, divided by what Flask's page needs. Above
{MORE}, it is bold, and the sample's README says what you get for it. There is
a dash where Flask's page has no code, or code that needs as much.

![The sample, compared with Flask's page](bench.svg)

| Measured | This sample | Flask's page | The limit | Times | What costs |
|---|---|---|---|---|---|
{lines}
"""


def chart(rows):
    """Return an SVG with a bar for each row that has a page to compare."""
    rows = [row for row in rows if times(row)]
    bars = ""

    for y, row in enumerate(rows, 2):
        color = "#fa8" if times(row) > MORE else "#9cf"
        bars += f"""
<rect x="20" y="{24 * y}" width="{300 * times(row):.0f}" height="20"
  fill="{color}"/>
<text x="26" y="{24 * y + 15}">{times(row):.2f} {row["pattern"]}: {row["what"]}
</text>"""

    height = 24 * len(rows) + 60
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}">
<title>What each sample costs, compared with Flask's page</title>
<style>svg {{ background: #fff; font: 13px sans-serif }}</style>
<text x="20" y="30">Times what Flask's page needs. Orange: above {MORE}.</text>
<path d="M320 40v{height}" stroke="#999"/>
{bars}
</svg>
"""
