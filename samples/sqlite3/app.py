"""SQLite 3 with Flask: one connection per request, opened on first use.

Docs: https://flask.palletsprojects.com/patterns/sqlite3/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/users -d username=ada -d email=ada@example.com
      flask --app app init-db
"""

import sqlite3
from pathlib import Path

import click
from flask import Flask, abort, g, redirect, render_template, request, url_for

app = Flask(__name__)
app.config["DATABASE"] = Path(app.instance_path, "users.db")
app.config.from_prefixed_env()


# -- Connect on Demand ------------------------------------------------------


def get_db():
    """Return this request's connection, opened the first time it's needed."""
    if "db" not in g:
        # Wait up to 30 seconds, instead of 5, while another worker writes.
        g.db = sqlite3.connect(app.config["DATABASE"], timeout=30)
        g.db.row_factory = sqlite3.Row
        # SQLite checks foreign keys only on connections that turn this on.
        g.db.execute("PRAGMA foreign_keys = ON")

    return g.db


@app.teardown_appcontext
def close_db(exception=None):
    db = g.pop("db", None)

    if db is not None:
        db.close()


# -- Easy Querying ----------------------------------------------------------


def query_db(query, args=(), one=False):
    """Return all rows of a SELECT. With `one`, return the first row or None.

    Pass values in `args`. Never format them into `query`, because a visitor
    could then run SQL of their own.
    """
    cursor = get_db().execute(query, args)
    return cursor.fetchone() if one else cursor.fetchall()


@app.get("/")
def index(error=None):
    # After a mistake, add_user() calls this with an error.
    users = query_db("SELECT * FROM users ORDER BY username")
    return render_template("index.html", users=users, error=error)


@app.get("/users")
def search():
    # Use instr(), because LIKE would treat % and _ as wildcards.
    query = """
        SELECT * FROM users WHERE instr(lower(username), lower(?)) > 0
        ORDER BY username
    """
    rows = query_db(query, [request.args.get("q", "")])
    return [dict(row) for row in rows]


@app.get("/users/<username>")
def user(username):
    query = "SELECT * FROM users WHERE username = ?"
    row = query_db(query, [username], one=True)

    if row is None:
        abort(404)

    return dict(row)


@app.post("/users")
def add_user():
    username = request.form["username"]
    email = request.form["email"]

    # The username is part of a URL, so a slash or the name ".." would break
    # its link.
    if not username.isalnum() or len(username) > 80:
        return index("The username must be 1 to 80 letters or digits."), 400

    if not 1 <= len(email) <= 80:
        return index("The email must be 1 to 80 characters long."), 400

    query = "INSERT INTO users (username, email) VALUES (?, ?)"

    try:
        # Commit at the end of the block, or roll back on an exception.
        with get_db() as db:
            db.execute(query, [username, email])
    except sqlite3.IntegrityError:
        return index("That username is taken. Choose another one."), 409

    return redirect(url_for("index"))


# -- Initial Schemas --------------------------------------------------------


def init_db():
    """Create the missing tables, and the folder of the database."""
    Path(app.config["DATABASE"]).parent.mkdir(parents=True, exist_ok=True)

    with app.open_resource("schema.sql", mode="r") as file:
        get_db().executescript(file.read())


@app.cli.command("init-db")
def init_db_command():
    """Create the missing tables."""
    init_db()
    click.echo("Initialized the database.")


# Create the tables at startup, so that the sample runs right away.
with app.app_context():
    init_db()
