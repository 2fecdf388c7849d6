"""Flask's pages in code of our own, with what today's versions need to run.

Each function imports what its page needs, so that no other page pays for it.
"""

import hashlib
import sqlite3
from types import SimpleNamespace

from flask import Flask, g, redirect, request


def ok(**values):
    return "ok"


def bare():
    """Return an app with a view that does nothing, the limit of many rows."""
    app = Flask("page")
    app.get("/")(ok)
    return app


def sqlite(path, stay_open=False):
    app = Flask("page")
    home = SimpleNamespace() if stay_open else g

    def get_db():
        if not hasattr(home, "database"):
            home.database = sqlite3.connect(path)
            home.database.row_factory = sqlite3.Row

        return home.database

    @app.teardown_appcontext
    def close_connection(exception):
        if hasattr(g, "database"):
            g.database.close()

    @app.get("/users/<name>")
    def user(name):
        query = "SELECT * FROM users WHERE username = ?"
        return dict(get_db().execute(query, [name]).fetchall()[0])

    @app.post("/users")
    def add():
        query = "INSERT INTO users (username, email) VALUES (?, ?)"
        get_db().execute(query, [*request.form.values()])
        get_db().commit()
        return redirect("/")

    return app


def sqlalchemy(uri):
    import sqlalchemy as sa
    from sqlalchemy import orm

    app, engine = Flask("page"), sa.create_engine(uri)
    users = sa.Table("users", sa.MetaData(), autoload_with=engine)
    db_session = orm.scoped_session(orm.sessionmaker(engine, autoflush=False))
    app.teardown_appcontext(lambda exception: db_session.remove())

    class User:
        query = db_session.query_property()

    orm.registry().map_imperatively(User, users)

    def declarative():
        if request.method == "POST":
            db_session.add(User(**request.form))
            db_session.commit()
            return "ok", 201

        found = User.query.all()
        return [{"id": u.id, "name": u.name, "email": u.email} for u in found]

    def core():
        if request.method == "POST":
            with engine.begin() as connection:
                connection.execute(users.insert(), request.form.to_dict())
                return "ok", 201

        with engine.connect() as connection:
            rows = connection.execute(users.select()).mappings()
            return [dict(row) for row in rows]

    for view in declarative, core:
        app.route(f"/{view.__name__}/users", methods=["GET", "POST"])(view)

    return app


def mongoengine():
    import mongoengine as me
    import mongomock

    me.connect("page", "page", mongo_client_class=mongomock.MongoClient)

    class Film(me.Document):
        meta = {"db_alias": "page"}  # noqa: RUF012
        title = me.StringField(required=True)
        year = me.IntField()

    app = Flask("page")
    app.post("/movies")(lambda: {"id": str(Film(**request.json).save().id)})

    @app.get("/movies/<id>")
    def show(id):
        film = Film.objects.get(id=id)
        return {"id": id, "title": film.title, "year": film.year}

    return app


def streaming(query):
    app = bare()

    @app.get("/large.csv")
    def generate_large_csv():
        db = sqlite3.connect(":memory:")
        rows = db.execute(query, [request.args["rows"]])
        lines = (f"{','.join(map(str, row))}\n" for row in rows)
        return lines, {"Content-Type": "text/csv"}

    return app


def request_checksum():
    class ChecksumCalcStream:
        def __init__(self, stream):
            self.stream, self.hash = stream, hashlib.sha1()  # noqa: S324

        def read(self, size):
            data = self.stream.read(size)
            self.hash.update(data)
            return data

    app = bare()

    @app.post("/special-api")
    def special_api():
        stream = ChecksumCalcStream(request.environ["wsgi.input"])
        request.environ["wsgi.input"] = stream
        return {"sha1": stream.hash.hexdigest(), "n": len(request.files)}

    return app
