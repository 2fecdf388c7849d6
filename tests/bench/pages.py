"""Flask's pages in code of our own, with what today's versions need to run.

Each function imports what its page needs, so that no other page pays for it.
"""

import hashlib
import sqlite3
from functools import wraps
from pathlib import Path
from threading import Lock
from wsgiref.util import shift_path_info

import flask
from cachelib import SimpleCache
from flask import Flask, g, redirect, request, session
from werkzeug import datastructures
from werkzeug.utils import cached_property, import_string, secure_filename

cache = SimpleCache()


def bare():
    """Return an app with a view that does nothing, the limit of many rows."""
    app = Flask("page")
    app.add_url_rule("/", "ok", lambda: "ok", methods=["GET", "POST", "PUT"])
    return app


class PathDispatcher:
    def __init__(self, default_app, create_app):
        self.default_app, self.create_app = default_app, create_app
        self.lock, self.instances = Lock(), {}

    def __call__(self, environ, start_response):
        name = environ["PATH_INFO"].lstrip("/").split("/", 1)[0]
        with self.lock:
            app = self.instances.get(name)
            if app is None:
                app = self.instances[name] = self.create_app(name)
        if app is None:
            return self.default_app(environ, start_response)
        shift_path_info(environ)
        return app(environ, start_response)


class HTTPMethodOverrideMiddleware:
    bodyless_methods = frozenset(["GET", "HEAD", "OPTIONS", "DELETE"])
    allowed_methods = bodyless_methods | {"POST", "PUT", "PATCH"}

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        if method in self.allowed_methods:
            environ["REQUEST_METHOD"] = method
        if method in self.bodyless_methods:
            environ["CONTENT_LENGTH"] = "0"
        return self.app(environ, start_response)


def url_processors():
    app = Flask("page")

    @app.url_defaults
    def add_language_code(endpoint, values):
        if app.url_map.is_endpoint_expecting(endpoint, "lang_code"):
            values.setdefault("lang_code", g.lang_code)

    @app.url_value_preprocessor
    def pull_lang_code(endpoint, values):
        g.lang_code = values.pop("lang_code", None)

    app.add_url_rule("/<lang_code>/", "index", lambda: "ok")
    return app


def load_user():
    g.user = session.get("username")


def login_required(f):
    @wraps(f)
    def decorated_function(**kwargs):
        return redirect("/login") if g.user is None else f(**kwargs)

    return decorated_function


def cached():
    def decorator(f):
        @wraps(f)
        def decorated_function(**kwargs):
            rv = cache.get(key := f"view/{request.path}")
            if rv is None:
                cache.set(key, rv := f(**kwargs), timeout=300)
            return rv

        return decorated_function

    return decorator


def templated(template):
    def decorator(f):
        return wraps(f)(lambda: flask.render_template(template, **f()))

    return decorator


def subclassing():
    class MyRequest(flask.Request):
        # Werkzeug is about to drop the class, because every dict is ordered.
        parameter_storage_class = getattr(
            datastructures, "ImmutableOrderedMultiDict", dict
        )

    app = Flask("page")
    app.request_class = MyRequest
    app.get("/params")(lambda: [*request.args.items(multi=True)])
    return app


def sqlite(path):
    app = Flask("page")

    def get_db():
        if "database" not in g:
            g.database = sqlite3.connect(path)
            g.database.row_factory = sqlite3.Row
        return g.database

    @app.teardown_appcontext
    def close_connection(exception):
        if "database" in g:
            g.database.close()

    @app.get("/users/<name>")
    def user(name):
        query = "SELECT * FROM users WHERE username = ?"
        cursor = get_db().execute(query, [name])
        rows = cursor.fetchall()
        cursor.close()
        return dict(rows[0])

    @app.post("/users")
    def add():
        query = "INSERT INTO users (username, email) VALUES (?, ?)"
        get_db().execute(query, [*request.form.values()])
        get_db().commit()
        return redirect("/")

    return app


def sqlalchemy(way, uri):
    import sqlalchemy as sa
    from sqlalchemy import orm

    app, engine = Flask("page"), sa.create_engine(uri)
    users = sa.Table("users", sa.MetaData(), autoload_with=engine)
    db_session = orm.scoped_session(orm.sessionmaker(engine, autoflush=False))

    class User:
        query = db_session.query_property()

    orm.registry().map_imperatively(User, users)

    def users_list():
        if way == "core":
            with engine.connect() as connection:
                rows = connection.execute(users.select()).mappings()
                return [dict(row) for row in rows]
        found = User.query.all()
        return [{"id": u.id, "name": u.name, "email": u.email} for u in found]

    def add():
        if way == "core":
            with engine.begin() as connection:
                connection.execute(users.insert(), request.form.to_dict())
        else:
            db_session.add(User(**request.form))
            db_session.commit()
        return "ok", 201

    app.get(f"/{way}/users")(users_list)
    app.post(f"/{way}/users")(add)
    app.teardown_appcontext(lambda exception: db_session.remove())
    return app


def mongoengine():
    import mongoengine as me

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


def streaming(rows):
    app = bare()

    @app.get("/large.csv")
    def generate_large_csv():
        found = sqlite3.connect(":memory:").execute(
            rows, [request.args["rows"]]
        )
        lines = (f"{','.join(map(str, row))}\n" for row in found)
        return lines, {"Content-Type": "text/csv"}

    return app


def file_uploads():
    app = Flask("page")
    app.get("/")(lambda: "ok")
    app.config["MAX_CONTENT_LENGTH"] = 16_000_000

    @app.post("/")
    def upload_file():
        file = request.files["file"]
        name = secure_filename(file.filename)
        assert name.rsplit(".", 1)[1].lower() in {"txt", "pdf", "png"}
        file.save(Path(name).absolute())
        return redirect("/")

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


def app_factories():
    from flask_sqlalchemy import SQLAlchemy

    app = Flask("page")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///page.db"
    SQLAlchemy().init_app(app)
    for name in ("admin", "frontend"):
        blueprint = flask.Blueprint(name, name, url_prefix=f"/{name}")
        app.register_blueprint(blueprint)
    app.get("/")(lambda: "ok")
    return app


def lazy_loading(modules):
    class LazyView:
        def __init__(self, import_name):
            self.__module__, self.__name__ = import_name.rsplit(".", 1)
            self.import_name = import_name

        @cached_property
        def view(self):
            return import_string(self.import_name)

        def __call__(self, *args, **kwargs):
            return self.view(*args, **kwargs)

    app = bare()
    for name in modules:
        app.add_url_rule(f"/{name}", name, LazyView(f"{name}.user"))
    return app


def celery(with_flask=True):
    from celery import Celery, Task, shared_task

    app = Flask("page")
    app.config.from_prefixed_env()

    class FlaskTask(Task):
        def __call__(self, *args):
            with app.app_context():
                return self.run(*args)

    celery_app = Celery("page", task_cls=FlaskTask if with_flask else Task)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.set_default()

    @shared_task(name="add_together", ignore_result=False)
    def add_together(a, b):
        return a + b

    return celery_app, add_together
