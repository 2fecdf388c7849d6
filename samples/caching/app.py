"""Caching: compute a slow response once, then reuse it for five minutes.

Docs: https://flask.palletsprojects.com/patterns/caching/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/report
      curl "localhost:8000/search?q=view"
"""

from datetime import UTC, datetime
from time import sleep

import redis
from flask import (
    Flask,
    abort,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask_caching import Cache

TITLES = ["Caching", "Message Flashing", "URL Processors", "View Decorators"]

app = Flask(__name__)
# This cache belongs to one process. To share one between several workers, set
# FLASK_CACHE_TYPE=RedisCache and FLASK_CACHE_REDIS_URL.
app.config["CACHE_TYPE"] = "SimpleCache"
app.config["CACHE_DEFAULT_TIMEOUT"] = 5 * 60  # seconds
app.config.from_prefixed_env()


# -- Caching ----------------------------------------------------------------

cache = Cache(app)


# Put the route on top, so that it registers the cached function.
@app.get("/report")
@cache.cached()
def report():
    # This stands in for slow work.
    sleep(0.5)
    return {"generated_at": datetime.now(UTC).isoformat()}


def is_ok(rv):
    """Return whether the result or the error of a view has the status 200."""
    return app.make_response(rv).status_code == 200


# By default, the key is only the path, so add the query. Without the filter,
# Flask-Caching would also cache an error that abort() raises.
@app.get("/search")
@cache.cached(query_string=True, response_filter=is_ok)
def search():
    q = request.args.get("q", "").casefold()

    if not q:
        abort(400, "Enter a search term.")

    sleep(0.5)
    found = [title for title in TITLES if q in title.casefold()]
    return {"q": q, "found": found}


# The key contains the function and its arguments, so all callers that pass the
# same arguments share one result.
@cache.memoize()
def square_of(n):
    sleep(0.5)
    return n * n


# Limit the number, because Python can't convert very long integers to text.
@app.get("/square/<int(max=1000000):n>")
def square(n):
    return {"n": n, "square": square_of(n)}


# Never cache a view that depends on a cookie, the session, or a login.
# Otherwise, all visitors get the response of the first one.
@app.get("/hello")
def hello():
    name = request.cookies.get("name", "stranger")
    return {"message": f"Hello, {name}!"}


@app.post("/clear")
def clear():
    try:
        cache.clear()
    except (redis.ConnectionError, redis.TimeoutError):
        abort(503, "The cache is unavailable. Try again later.")

    return redirect(url_for("index"))


@app.get("/")
def index():
    return render_template_string(PAGE)


PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Caching</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1>Caching</h1>
<p>These pages load in half a second at first. For the next five minutes, they
  load at once.</p>
<ul>
  <li><a href="{{ url_for('report') }}">A report</a></li>
  <li><a href="{{ url_for('square', n=12) }}">The square of 12</a></li>
</ul>
<form action="{{ url_for('search') }}">
  <p><label>Search for a title <input name="q" required></label>
    <button>Search</button></p>
</form>
<p><a href="{{ url_for('hello') }}">A greeting</a> is never cached, because it
  depends on a cookie. Try this command:
  <code>curl -b name=Ada {{ url_for('hello', _external=True) }}</code></p>
<form method="post" action="{{ url_for('clear') }}">
  <p><button>Clear the cache</button></p>
</form>
</main>
</body>
</html>
"""
