"""SQLite 3 with Flask: one connection a request, opened on first use.

Docs: https://flask.palletsprojects.com/patterns/sqlite3/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/users -d username=ada -d email=ada@example.com
      curl localhost:8000/users?q=a
      flask --app app init-db --reset
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

import click
from flask import Flask, g, redirect, render_template, request, url_for

app = Flask(__name__)
app.config["DATABASE"] = "users.db"  # below the instance folder
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()

# A username may hold "//": that must not redirect to another user's page.
app.url_map.merge_slashes = False


# -- Connect on Demand ------------------------------------------------------


def get_db() -> sqlite3.Connection:
    """Return this context's connection, opened when first asked for.

    Raises sqlite3.OperationalError or OSError when the database is away.
    """
    if "db" not in g:
        path = Path(app.instance_path, app.config["DATABASE"])
        path.parent.mkdir(parents=True, exist_ok=True)

        # Seconds to wait for another writer, before "database is locked".
        g.db = sqlite3.connect(path, timeout=10)
        g.db.row_factory = sqlite3.Row

        # Off unless each connection asks for it.
        g.db.execute("PRAGMA foreign_keys = ON")

        # With WAL, readers and a writer do not wait for each other. The
        # switch itself does not wait, and fails when others do it now.
        with suppress(sqlite3.OperationalError):
            g.db.execute("PRAGMA journal_mode = WAL")

        if not query_db("PRAGMA user_version", one=True)[0]:
            init_db()

    return g.db


@app.teardown_appcontext
def close_db(error=None):
    # Out of g first: whoever asks after this gets a new connection.
    db = g.pop("db", None)

    if db is not None:
        db.close()


# -- Easy Querying ----------------------------------------------------------


def query_db(query: str, args=(), one=False):
    """Return the rows of a SELECT; with `one`, the first row or None.

    `args` is a list with a value for each question mark in `query`.
    """
    rows = get_db().execute(query, args).fetchall()
    return next(iter(rows), None) if one else rows


def page(error=None):
    users = query_db("SELECT * FROM users ORDER BY username")
    return render_template("index.html", users=users, error=error)


@app.get("/")
def index():
    return page()


@app.get("/users")
def search():
    # Unlike LIKE, instr() has no wildcards that would need escaping.
    rows = query_db(
        "SELECT * FROM users WHERE instr(lower(username), lower(?))",
        [request.args.get("q", "")],
    )
    return [dict(row) for row in rows]


@app.get("/users/<path:username>")
def user(username):
    row = query_db("SELECT * FROM users WHERE username = ?", [username], True)
    return dict(row) if row else ({"error": "There is no such user."}, 404)


@app.post("/users")
def add_user():
    user = [
        request.form.get(name, "").strip() for name in ("username", "email")
    ]

    if not all(0 < len(text) <= 80 and text.isprintable() for text in user):
        return page("Username and email: 1 to 80 printable characters."), 400

    try:
        # `with` commits, or rolls back when an exception passes through.
        # A transaction that reads before it writes must begin with
        # BEGIN IMMEDIATE, or a writer in between makes it fail at once.
        with get_db() as db:
            db.execute(
                "INSERT INTO users (username, email) VALUES (?, ?)", user
            )
    except sqlite3.IntegrityError:
        return page("That username is taken."), 409

    return redirect(url_for("index"), code=303)


@app.errorhandler(OSError)
@app.errorhandler(sqlite3.OperationalError)
def unavailable(error):
    app.logger.error("database: %s", error)
    message = "The database is not available. Nothing was stored."

    if request.endpoint in ("search", "user"):
        return {"error": message}, 503

    return message, 503


# -- Initial Schemas --------------------------------------------------------


def init_db(reset=False):
    """Run schema.sql, in one transaction; with `reset`, drop `users` first."""
    drop = "DROP TABLE IF EXISTS users;" if reset else ""

    with app.open_resource("schema.sql", "r") as schema:
        get_db().executescript(
            f"BEGIN IMMEDIATE; {drop} {schema.read()} COMMIT"
        )


@app.cli.command("init-db")
@click.option("--reset", is_flag=True, help="Delete all users.")
def init_db_command(reset):
    """Make the database, and keep the users in it."""
    init_db(reset)
    click.echo("The database is ready.")
