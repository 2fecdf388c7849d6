"""Streaming: send a response piece by piece while it is being made.

Docs: https://flask.palletsprojects.com/patterns/streaming/
Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/large.csv?rows=5"
      curl -N localhost:8000/timeline
      curl "localhost:8000/stream?name=Ada"
"""

import csv
import io
import re
import sqlite3
from contextlib import closing
from itertools import chain, islice
from time import sleep

from flask import (
    Flask,
    abort,
    render_template,
    request,
    stream_template,
    stream_with_context,
    url_for,
)
from markupsafe import escape

MAX_ROWS = 10_000_000
ROWS_PER_CHUNK = 500  # each chunk costs a system call, so not one a row

# In place of a table: SQLite makes these rows as they are read.
ORDERS = """
WITH RECURSIVE orders(id) AS (
    SELECT 1 UNION ALL SELECT id + 1 FROM orders LIMIT ?
)
SELECT id, id % 7 - 3, CASE id % 4
    WHEN 0 THEN 'grün, rot'
    WHEN 1 THEN 'a "big" one'
    WHEN 2 THEN 'two' || char(10) || 'lines'
    ELSE '=HYPERLINK("https://evil.example", "Open")' END
FROM orders
"""

# A spreadsheet runs a text that starts like this.
FORMULA = re.compile(r"\s*[=+\-@]|[\t\r\n]")

app = Flask(__name__)
app.config.from_prefixed_env()


@app.get("/")
def index():
    return render_template("index.html", max_rows=MAX_ROWS)


# -- Basic Usage ------------------------------------------------------------


def harmless(cell: str | int) -> str | int:
    """Return the cell, with a `'` before text that would be a formula."""
    if isinstance(cell, str) and FORMULA.match(cell):
        return f"'{cell}"

    return cell


@app.get("/large.csv")
def generate_large_csv():
    rows = request.args.get("rows", "100000")

    # Now or never: the status goes out before the first row.
    if not re.fullmatch("[0-9]{1,8}", rows) or int(rows) > MAX_ROWS:
        abort(400, f"Send rows as a whole number from 0 to {MAX_ROWS:,}.")

    def generate():
        # Connect in here: the view's teardown runs before the first row.
        # A reader who leaves closes the generator, and so this connection.
        with closing(sqlite3.connect(":memory:")) as db:
            header = ("id", "change", "note")
            table = chain([header], db.execute(ORDERS, [int(rows)]))

            while batch := list(islice(table, ROWS_PER_CHUNK)):
                text = io.StringIO()
                csv.writer(text).writerows(map(harmless, row) for row in batch)
                yield text.getvalue()

    return generate(), {"Content-Type": "text/csv; charset=utf-8"}


# -- Streaming from Templates -----------------------------------------------


def iter_events():
    """Yield the events of a day, each as slow as a hard query would be."""
    for hour in range(9, 14):
        yield f"{hour}:00"
        sleep(0.2)


@app.get("/timeline")
def timeline():
    return stream_template("timeline.html", events=iter_events())


# -- Streaming with Context -------------------------------------------------


@app.get("/stream")
def streamed_response():
    if not request.args.get("name", "").strip():
        abort(400, "Send a name that is not empty.")

    # Without the context there is neither `request` nor `url_for` in here.
    @stream_with_context
    def generate():
        yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        yield '<meta name="viewport" content="width=device-width">\n'
        yield '<meta name="color-scheme" content="light dark">\n'
        yield "<title>Greeting - Streaming Contents</title>\n<h1>Hello "
        yield escape(request.args["name"])
        yield f'!</h1>\n<p><a href="{url_for("index")}">Back</a></p>\n'

    return generate()
