"""Caching: keep an answer, and give it again to those it is right for.

Docs: https://flask.palletsprojects.com/patterns/caching/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/report
      curl -i "localhost:8000/search?q=view"
"""

from datetime import UTC, datetime
from time import sleep

from flask import Flask, g, redirect, render_template, request, url_for
from flask_caching import Cache
from redis import RedisError

FIVE_MINUTES = 5 * 60  # seconds
LARGEST = 10**9
TITLES = ("Caching", "Message Flashing", "URL Processors", "View Decorators")

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
# In this process. For one that all share: FLASK_CACHE_TYPE=RedisCache
app.config["CACHE_TYPE"] = "SimpleCache"
# Given host and port instead, the client tries four times before it fails.
app.config["CACHE_REDIS_URL"] = "redis://localhost:6379"
# Clearing deletes the keys that begin so; without a prefix, everybody's.
app.config["CACHE_KEY_PREFIX"] = "flask-patterns:caching:"
app.config.from_prefixed_env()

if app.config["CACHE_TYPE"] == "RedisCache":
    # Seconds. Without them, a Redis that hangs makes every page hang.
    timeouts = {"socket_timeout": 1, "socket_connect_timeout": 1}
    app.config.setdefault("CACHE_OPTIONS", timeouts)


# -- Caching ----------------------------------------------------------------

cache = Cache(app)


def is_public(rv) -> bool:
    """Whether what a view returned or aborted with is for everybody."""
    response = app.make_response(rv)
    telling = ("Set-Cookie", "Vary", "Cache-Control")
    silent = not any(name in response.headers for name in telling)
    return response.status_code == 200 and silent


def public_page(*names: str):
    """Give everybody what the view returns, for five minutes.

    `names` are the query arguments that the view reads. The key holds no
    others, or a visitor could fill the cache with copies of one page.
    """

    def make_key(**view_args):
        g.x_cache = "HIT"  # until the view runs and says otherwise
        # Not sorted: ?q=a&q=b may be another question than ?q=b&q=a.
        values = [request.args.getlist(name) for name in names]
        # The path alone knows neither the host nor the URL prefix. Not
        # root_url, which is an error for a host that begins with xn--.
        site = (request.scheme, request.host, request.root_path)
        return repr((site, request.path, values))

    return cache.cached(
        FIVE_MINUTES,
        make_cache_key=make_key,
        # A POST must reach the view, and its answer is for one visitor.
        unless=lambda: request.method not in ("GET", "HEAD"),
        # Otherwise errors are kept, those of abort() as well.
        response_filter=is_public,
    )


@app.after_request
def show_hit_or_miss(response):
    if "x_cache" in g:
        response.headers["X-Cache"] = g.x_cache

    return response


# The route stands above: it binds what it is given, cached or not.
@app.get("/report")
@public_page()
def report():
    g.x_cache = "MISS"
    sleep(0.5)  # stands for whatever takes long
    return {"generated_at": datetime.now(UTC).isoformat(" ")}


@app.get("/search")
@public_page("q")
def search():
    g.x_cache = "MISS"
    q = request.args.get("q", "")

    if not 1 <= len(q) <= 100:
        return {"error": "q: 1 to 100 characters."}, 400

    sleep(0.5)
    found = [title for title in TITLES if q.casefold() in title.casefold()]
    return {"q": q, "found": found}


# Here the arguments are the key, so every caller shares the results.
@cache.memoize(FIVE_MINUTES)
def square_of(n: int) -> int:
    sleep(0.5)
    return n * n


@app.get("/square/<int:n>")
def square(n):
    if n > LARGEST:
        return {"error": f"n: at most {LARGEST}."}, 400

    return {"n": n, "square": square_of(n)}


@app.get("/")
def index(message=None):
    return render_template("index.html", message=message)


# No key here says who asks, so this is not kept at all.
@app.get("/hello")
def hello():
    name = request.cookies.get("name", "stranger")
    # There are caches on the way as well: only the browser may keep it.
    return index(f"Hello, {name}!"), {"Cache-Control": "private"}


@app.post("/hello")
def set_name():
    name = request.form.get("name", "").strip()

    if not (0 < len(name) <= 80 and name.isprintable()):
        return index("Name: 1 to 80 printable characters."), 400

    response = redirect(url_for("hello"), code=303)
    response.set_cookie("name", name, httponly=True, samesite="Lax")
    return response


@app.post("/clear")
def clear():
    # Pages answer without the cache; that it was cleared would be a lie.
    try:
        cache.clear()
    except RedisError as error:
        app.logger.error("cache: %s", error)
        return index("The cache is away: nothing was cleared."), 503

    return redirect(url_for("index"), code=303)
