"""Streaming: send a response piece by piece while you generate it.

Docs: https://flask.palletsprojects.com/patterns/streaming/
Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/large.csv?rows=5"
      curl -N localhost:8000/timeline
      curl "localhost:8000/stream?name=Ada"
"""

import csv
import io
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

MAX_ROWS = 10_000_000

# This stands in for a large table. SQLite generates each row on demand.
ORDERS = """
    WITH RECURSIVE orders(id) AS (
        SELECT 1 UNION ALL SELECT id + 1 FROM orders LIMIT ?
    )
    SELECT id, 1 + id % 7, 'the "grün" one, and more' FROM orders
"""

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Basic Usage ------------------------------------------------------------


@app.get("/large.csv")
def generate_large_csv():
    count = request.args.get("rows", type=int)

    # Check the input here. In the generator, it's too late for a 400.
    if count is None or not 0 <= count <= MAX_ROWS:
        abort(400, f"Send rows as a whole number from 0 to {MAX_ROWS}.")

    def generate():
        # Connect here, because teardown functions would close a request's
        # connection before the generator runs. If the client disconnects, the
        # `with` block closes this one.
        with closing(sqlite3.connect(":memory:")) as db:
            # Run the query before the first yield, so that the client gets a
            # 500 if it fails.
            rows = db.execute(ORDERS, [count])
            yield "id,quantity,note\r\n"

            # Each chunk costs a system call, so send many rows in one.
            while batch := rows.fetchmany(500):
                buffer = io.StringIO()
                csv.writer(buffer).writerows(batch)
                yield buffer.getvalue()

    return generate(), {"Content-Type": "text/csv; charset=utf-8"}


# -- Streaming from Templates -----------------------------------------------


def iter_events():
    """Yield some hours of the day, and wait after each, like a slow query."""
    for hour in range(9, 14):
        yield f"{hour}:00"
        sleep(0.2)


@app.get("/timeline")
def timeline():
    return stream_template("timeline.html", events=iter_events())


# -- Streaming with Context -------------------------------------------------


@app.get("/stream")
def streamed_response():
    if not request.args.get("name"):
        abort(400, "The name must not be empty.")

    # Without the context, `request` isn't available in the generator.
    @stream_with_context
    def generate():
        yield "Hello "
        yield request.args["name"]
        yield "!\n"

    return generate(), {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/")
def index():
    return render_template("index.html", max_rows=MAX_ROWS)
