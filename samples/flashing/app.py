"""Message flashing: say on the next page what happened on this one.

Docs: https://flask.palletsprojects.com/patterns/flashing/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/login -d username=admin -d password=secret
      curl -L -b jar -c jar localhost:8000/notify -d category=info -d text=Hi
"""

import secrets

from flask import (
    Flask,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)

CATEGORIES = ["message", "info", "warning", "error"]

app = Flask(__name__)
# Flask stores the messages in the session, a cookie that it signs with this
# key. Set FLASK_SECRET_KEY, so that all workers use the same key.
app.config["SECRET_KEY"] = secrets.token_hex()
# Don't send the session cookie with a POST from another site.
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config.from_prefixed_env()


# -- Simple Flashing --------------------------------------------------------


@app.get("/")
def index():
    # The template layout.html shows the messages on every page.
    return render_template("index.html", categories=CATEGORIES)


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        username = request.form["username"]
        password = request.form["password"]

        if username == "admin" and password == "secret":
            flash("You were successfully logged in.")
            return redirect(url_for("index"))

        # No redirect follows, so pass the error to the template.
        error = "The username or the password is wrong."
        return render_template("login.html", error=error), 401

    return render_template("login.html")


# -- Flashing With Categories -----------------------------------------------


@app.post("/notify")
def notify():
    category = request.form["category"]
    text = request.form["text"].strip()

    if category not in CATEGORIES:
        abort(400, f"The category must be one of: {', '.join(CATEGORIES)}.")

    # Keep messages short, because browsers ignore a cookie of more than 4 KB.
    if not 1 <= len(text) <= 200:
        abort(400, "The text must be 1 to 200 characters long.")

    flash(text, category)
    return redirect(url_for("index"))
