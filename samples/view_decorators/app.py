"""View decorators: what several views need, written once above each.

Docs: https://flask.palletsprojects.com/patterns/viewdecorators/
Run:  flask --app app run --port 8000
Try:  curl -i "localhost:8000/secret_page?page=2"
"""

import re
import secrets
from datetime import UTC, datetime
from functools import wraps

from cachelib import SimpleCache
from flask import Flask, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
# Several workers, or a restart, need one key: set FLASK_SECRET_KEY.
app.config["SECRET_KEY"] = secrets.token_hex()
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config.from_prefixed_env()

# One account for the demonstration, and a hash that no password fits.
USERS = {"admin": generate_password_hash("secret")}
NOBODY = generate_password_hash(secrets.token_hex())

cache = SimpleCache(threshold=500)  # answers; each process has its own


# -- Login Required Decorator -----------------------------------------------


def login_required(f):
    """Send whoever has no account, or has none any more, to the login."""

    @wraps(f)
    def decorated_function(*args, **kwargs):
        if session.get("user") not in USERS:
            here = request.script_root + request.full_path.rstrip("?")
            # A page can be asked for again later, a form cannot be sent again.
            page = here if request.method in ("GET", "HEAD") else None
            return redirect(url_for("login", next=page), code=303)

        # An async view would give a coroutine that nobody awaits.
        return app.ensure_sync(f)(*args, **kwargs)

    return decorated_function


def is_local(url: str) -> bool:
    """Whether a browser that is sent to `url` stays on this host."""
    # It takes \ for / and drops tabs: //evil, /\evil, /<tab>/evil all leave.
    return bool(re.fullmatch(r"/(?!/)[^\\\x00-\x20]*", url))


@app.route("/login", methods=["GET", "POST"])
def login():
    url = request.values.get("next", "")

    if request.method == "POST":
        username = request.form.get("username", "")
        # Unknown names cost a hash too, or the time would tell them apart.
        known = USERS.get(username, NOBODY)

        if check_password_hash(known, request.form.get("password", "")):
            # Somebody else may have planted the session from before.
            session.clear()
            session["user"] = username
            return redirect(url if is_local(url) else url_for("index"), 303)

    status = 401 if request.method == "POST" else 200
    return render_template("login.html", url=url, status=status), status


@app.post("/logout")
@login_required
def logout():
    # Only from here: another site's form arrives without the cookie.
    session.clear()
    return redirect(url_for("index"), code=303)


@app.get("/secret_page")
@login_required
def secret_page():
    return render_template("secret_page.html")


# -- Caching Decorator ------------------------------------------------------


def is_public(response) -> bool:
    """Whether nothing speaks against giving this response to everybody."""
    telling = ("Set-Cookie", "Vary", "Cache-Control")
    silent = not any(name in response.headers for name in telling)
    whole = response.status_code == 200 and not response.is_streamed
    return whole and silent and not session.modified


def cached(timeout=5 * 60):
    """Give all visitors of a URL the same answer for `timeout` seconds."""

    def decorator(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            mount = (request.scheme, request.host, request.script_root)
            key = f"{mount} {request.path} {request.query_string}"
            # Whoever is known here may see a page that is theirs alone.
            known = session or "Authorization" in request.headers
            shared = request.method == "GET" and not known
            rv = cache.get(key) if shared else None

            if rv is None:
                rv = app.make_response(app.ensure_sync(f)(*args, **kwargs))

                # Never keep the object: Flask adds this visitor's cookies.
                if shared and is_public(rv):
                    cache.set(key, (rv.get_data(), list(rv.headers)), timeout)

            return rv

        return decorated_function

    return decorator


@app.get("/cached")
@cached()
async def report():
    return {"generated_at": datetime.now(UTC).isoformat(" ", "microseconds")}


# -- Templating Decorator ---------------------------------------------------


def templated(template=None):
    """Render the dict that the view returns, alone or with a status."""

    def decorator(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            name = template or f"{request.endpoint.replace('.', '/')}.html"
            rv = app.ensure_sync(f)(*args, **kwargs)
            ctx, *rest = rv if isinstance(rv, tuple) else (rv, 200)

            if not isinstance(ctx, dict | None):
                return rv

            return render_template(name, **ctx or {}), *rest

        return decorated_function

    return decorator


@app.get("/")
def index():
    return render_template("index.html")


@app.get("/templated")
@templated()
def values():
    return {"value": 42}


# -- Endpoint Decorator -----------------------------------------------------

# Name the methods: a plain werkzeug Rule answers all of them, even DELETE.
app.add_url_rule("/endpoint", endpoint="by_name", methods=["GET"])


@app.endpoint("by_name")
def my_view():
    return render_template("by_name.html")
