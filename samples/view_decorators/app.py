"""View decorators: write shared behavior once.

Docs: https://flask.palletsprojects.com/patterns/viewdecorators/
Run:  flask --app app run --port 8000
Try:  curl -i "localhost:8000/secret_page?page=2"
"""

import re
import secrets
from datetime import UTC, datetime
from functools import wraps
from urllib.parse import quote

from cachelib import SimpleCache
from flask import (
    Flask,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
# This key signs the session. For several workers, set FLASK_SECRET_KEY.
app.config["SECRET_KEY"] = secrets.token_hex()
# Don't send the session cookie with a POST from another site.
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config.from_prefixed_env()

# This is the demo account.
USERS = {"admin": generate_password_hash("secret")}
cache = SimpleCache()


# -- Login Required Decorator -----------------------------------------------


@app.before_request
def load_user():
    username = session.get("username")
    g.user = username if username in USERS else None


def login_required(f):
    # Use wraps(). Otherwise, all decorated views have the same name, and Flask
    # rejects the second one, because the name is also the endpoint.
    @wraps(f)
    def decorated_function(*args, **kwargs):
        if g.user is None:
            return redirect(url_for("login", next=local_url()))

        return f(*args, **kwargs)

    return decorated_function


# Keep the route on top, because it registers the function below it.
@app.get("/secret_page")
@login_required
def secret_page():
    return render_template("secret_page.html")


@app.route("/login", methods=["GET", "POST"])
def login():
    next_url = request.values.get("next", "")

    if request.method == "POST":
        username = request.form["username"]
        hashed = USERS.get(username)

        if hashed and check_password_hash(hashed, request.form["password"]):
            # Drop what someone else might have put into the session.
            session.clear()
            session["username"] = username

            # Redirect only to this site, because a link to this page can name
            # another site in `next`.
            if not is_local(next_url):
                next_url = url_for("index")

            return redirect(next_url)

        page = render_template("login.html", next_url=next_url, failed=True)
        return page, 401

    return render_template("login.html", next_url=next_url)


@app.post("/logout")
def logout():
    # Don't call clear(). It deletes the cookie even if the browser didn't send
    # it, so a form on another site could log visitors out.
    session.pop("username", None)
    return redirect(url_for("index"))


def local_url():
    """Return the URL of this request, without the host."""
    # Flask has decoded the path. Quote it again, or /files/c%23 becomes
    # /files/c# and leads to another page.
    path = quote(request.root_path + request.path)
    query = request.query_string.decode(errors="replace")
    return f"{path}?{query}" if query else path


def is_local(url):
    """Return whether a redirect to `url` stays on this site."""
    # Browsers treat \ like /, and they remove tabs and line breaks. So
    # //evil.test, /\evil.test, and /<tab>/evil.test all lead to another site.
    return bool(re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f]*", url))


# -- Caching Decorator ------------------------------------------------------


def cached(timeout=5 * 60, key="view/{}"):
    """Cache a GET view that returns the same response to everyone.

    The key contains the path and the query, but not the user.
    """

    def decorator(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            cache_key = key.format(local_url())
            rv = cache.get(cache_key)

            if rv is None:
                rv = f(*args, **kwargs)
                cache.set(cache_key, rv, timeout=timeout)

            return rv

        return decorated_function

    return decorator


@app.get("/cached")
@cached()
def report():
    return {"generated_at": datetime.now(UTC).isoformat()}


# -- Templating Decorator ---------------------------------------------------


def templated(template=None):
    def decorator(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            ctx = f(*args, **kwargs)

            # Return anything but a dict unchanged, such as a redirect. Flask
            # reports None as an error.
            if not isinstance(ctx, dict):
                return ctx

            name = template or f"{request.endpoint.replace('.', '/')}.html"
            return render_template(name, **ctx)

        return decorated_function

    return decorator


@app.get("/")
@templated("index.html")
def index():
    return {"user": g.user}


@app.get("/templated")
@templated()
def values():
    return {"value": 42}


# -- Endpoint Decorator -----------------------------------------------------

# This rule has only an endpoint, and `my_view` below connects to it. Unlike a
# Rule from Werkzeug, it accepts only GET by default.
app.add_url_rule("/endpoint", endpoint="by_name")


@app.endpoint("by_name")
def my_view():
    return render_template("by_name.html")
