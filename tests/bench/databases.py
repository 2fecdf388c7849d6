"""What reading and inserting a row costs, against the bare driver."""

import sqlite3
from contextlib import closing

from bench.measure import Row, ask, bare, load, measure, numbers, show
from flask import request


def connect(path, journal="wal"):
    db = sqlite3.connect(path, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.execute(
        "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY,"
        " name TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE)"
    )
    return db


def read(db):
    return dict(db.execute("SELECT * FROM users WHERE id = 1").fetchone())


def add(db, name=None):
    user = [name or request.form["name"]] * 2

    with db:
        db.execute("INSERT INTO users (name, email) VALUES (?, ?)", user)

    return {}


def rows(samples, tmp):
    kept, slow = connect(tmp / "kept"), connect(tmp / "slow", "delete")
    add(kept, "ada")

    with closing(connect(tmp / "once")) as db:
        add(db, "ada")

    def once(work):
        with closing(sqlite3.connect(tmp / "once")) as db:
            db.row_factory = sqlite3.Row
            return work(db)

    plain = bare(
        {
            "/read": lambda: read(kept),
            "/read once": lambda: once(read),
            "/add": lambda: add(kept),
            "/add once": lambda: once(add),
            "/add slow": lambda: add(slow),
        }
    )
    lite, alchemy = load(samples["sqlite3"]).app, load(samples["sqlalchemy"])

    for app, path in ((lite, "/users"), (alchemy.app, "/core/users")):
        ask(app, path, "POST", "name=ada&username=ada&email=ada")()

    why = "Each request connects, and sends three PRAGMAs."
    orm = "The rest is the ORM: its session and its objects"
    core = "The rest is SQLAlchemy's statement, connection and result"
    again = ", which it reads again after the commit; and no WAL."
    ways = [("sqlite3", "", lite, "/users", "/users/ada", why, why)]

    for way in alchemy.WAYS:
        path = f"/{way}/users"
        ways.append(("sqlalchemy", f"{way}, ", alchemy.app, path))
        ways[-1] += f"{path}/1", f"{orm}.", f"{orm}{again}"

    ways.append(("sqlalchemy", "core, ", alchemy.app, "/core/users"))
    ways[-1] += "/core/users/1", f"{core}.", f"{core}; and no WAL."

    for pattern, way, app, users, user, why_read, why_insert in ways:
        sample, limit, plain_times, driver = measure(
            ask(app, user),
            ask(plain, "/read"),
            ask(plain, "/read once"),
            lambda: read(kept),
            number=150,
        )
        yield Row(
            pattern=pattern,
            what=f"{way}a request that reads a row",
            sample=sample,
            limit=limit,
            limit_is="a bare view, one connection kept open",
            plain=plain_times,
            plain_is="a bare view that connects and closes",
            why=f"The driver alone needs {show(driver)}. {why_read}",
        )
        sample, limit, plain_times, driver, no_wal = measure(
            ask(app, users, "POST", "name=n{n}&username=n{n}&email=n{n}"),
            ask(plain, "/add", "POST", "name=n{n}"),
            ask(plain, "/add once", "POST", "name=n{n}"),
            lambda: add(kept, f"a{next(numbers)}"),
            ask(plain, "/add slow", "POST", "name=n{n}"),
            number=20,
        )
        yield Row(
            pattern=pattern,
            what=f"{way}a request that inserts a row",
            sample=sample,
            limit=limit,
            limit_is="a bare view, one connection kept open, WAL",
            plain=plain_times,
            plain_is="a bare view that connects and closes",
            why=f"The driver alone needs {show(driver)}; the limit without"
            f" WAL is {show(no_wal)}. {why_insert}",
        )
