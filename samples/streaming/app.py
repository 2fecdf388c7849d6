"""Streaming: send a response piece by piece while it is being made.

Docs: https://flask.palletsprojects.com/patterns/streaming/
Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/large.csv?rows=5"
      curl -N localhost:8000/timeline
"""

import csv
import io
import re
import sqlite3
from contextlib import closing
from time import sleep

from flask import (
    Flask,
    abort,
    render_template,
    request,
    stream_template,
    stream_with_context,
)
from markupsafe import escape

MAX_ROWS = 10_000_000
ROWS_PER_CHUNK = 500  # each chunk costs a system call, so not one a row

# A spreadsheet runs a text that starts like this.
FORMULA = re.compile(r"\s*[=+\-@]|[\t\r\n]")

app = Flask(__name__)
app.config.from_prefixed_env()

with app.open_resource("orders.sql", "r") as file:
    ORDERS = file.read()


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
            cursor = db.execute(ORDERS, [int(rows)])
            yield "id,change,note\r\n"

            while batch := cursor.fetchmany(ROWS_PER_CHUNK):
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

    # Without the context there is neither `request` nor a template in here.
    @stream_with_context
    def generate():
        yield render_template("head.html")
        yield f"<p>Hello {escape(request.args['name'])}!</p>\n"

    return generate()
