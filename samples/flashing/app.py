"""Message flashing: say on the next page what happened on this one.

Docs: https://flask.palletsprojects.com/patterns/flashing/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/login -d username=admin -d password=secret
      curl -L -c jar -b jar localhost:8000/notify -d category=info -d text=Hi
"""

import secrets

from flask import (
    Flask,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.security import check_password_hash, generate_password_hash

CATEGORIES = ("message", "info", "warning", "error")
COOKIE_SIZE = 3900  # bytes; browsers drop a cookie of more than 4093 in all
PASSWORD_HASH = generate_password_hash("secret")  # a demonstration's password

app = Flask(__name__)
# Several workers, or a restart, need one key: set FLASK_SECRET_KEY.
app.config["SECRET_KEY"] = secrets.token_hex()
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()


# -- Simple Flashing --------------------------------------------------------


@app.get("/")
def index():
    return render_template("index.html", categories=CATEGORIES)


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method != "POST":
        return render_template("login.html")

    known = request.form.get("username") == "admin"
    password = request.form.get("password", "")

    # This page shows the error itself: a flash is for the next page.
    if not (check_password_hash(PASSWORD_HASH, password) and known):
        return render_template("login.html", error="Invalid credentials"), 401

    flash_within_cookie("You were successfully logged in")
    return redirect(url_for("index"), code=303)


# -- Flashing With Categories -----------------------------------------------


def flash_within_cookie(message: str, category: str = "message") -> None:
    """Flash `message`; the oldest pending ones give way where it is tight.

    A cookie that is too large is dropped by the browser, with all that is
    in it and without an error.
    """
    flash(message, category)
    dumps = app.session_interface.get_signing_serializer(app).dumps

    # flash() keeps them in the session under this name, the newest last.
    pending = session["_flashes"]

    while len(pending) > 1 and len(dumps(dict(session))) > COOKIE_SIZE:
        pending.pop(0)


@app.post("/notify")
def notify():
    category = request.form.get("category")
    text = request.form.get("text", "").strip()
    error = None

    if category not in CATEGORIES:
        error = f"Choose a category: {', '.join(CATEGORIES)}."
    elif not 0 < len(text) <= 200:
        error = "Write a text of 1 to 200 characters."

    if error:
        page = render_template(
            "index.html", categories=CATEGORIES, error=error
        )
        return page, 400

    flash_within_cookie(text, category)
    return redirect(url_for("index"), code=303)


# -- Filtering Flash Messages -----------------------------------------------

# templates/layout.html asks twice: for the errors, and for all the others.
