"""SQLAlchemy in Flask: one table, and four ways to read and write it.

Docs: https://flask.palletsprojects.com/patterns/sqlalchemy/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/core/users -d name=ada -d email=ada@example.com
      curl localhost:8000/declarative/users
"""

from contextlib import suppress
from functools import cache

from flask import Flask, abort, render_template, request, url_for
from flask.globals import app_ctx
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, String, Table, exc, insert, orm, select
from sqlalchemy.schema import CreateTable
from werkzeug.exceptions import HTTPException

app = Flask(__name__)
# In the instance folder. A writer waits up to 30 s for its turn.
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///users.db?timeout=30"
# A connection that broke while it lay in the pool is replaced unseen.
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()

WAYS = {}  # name: (session, mapped class)
WAY = "<any(extension, declarative, imperative):way>"
# The column holds no larger number: such a user is not found, not an error.
ID = "<int(max=2147483647):user_id>"


@app.get("/")
def index():
    return render_template("index.html", ways=WAYS)


def field(name):
    """Return that text of the form; abort with 400 if missing or bad."""
    text = request.form.get(name, "").strip()

    if not (0 < len(text) <= 80 and text.isprintable()):
        abort(400, f"Send {name} as 1 to 80 printable characters.")

    return text


def page(query):
    """Return the SELECT `query`, cut to the page that the URL asks for."""
    size = min(max(request.args.get("per_page", 20, int), 1), 100)
    # What int() refuses becomes the second value.
    number = request.args.get("page", 0 if "page" in request.args else 1, int)

    if number < 1:
        abort(400, "page must be a whole number, 1 or more.")

    # There are no more rows than ids, and an offset has its limit, too.
    offset = min(number - 1, 2**31) * size
    return query.order_by("id").limit(size).offset(offset)


def as_json(user):
    return {"id": user.id, "name": user.name, "email": user.email}


@app.errorhandler(HTTPException)
def json_error(error):
    response = error.get_response()

    if request.path != "/":
        response.data = app.json.dumps({"error": error.description})
        response.content_type = "application/json"

    return response


@app.errorhandler(exc.IntegrityError)
def taken(error):
    return {"error": "That name or email is taken."}, 409


@app.errorhandler(exc.InternalError)
@app.errorhandler(exc.OperationalError)
@app.errorhandler(exc.TimeoutError)
def unavailable(error):
    app.logger.error("database: %s", error)
    return {"error": "The database is not available. Try again later."}, 503


# -- Flask-SQLAlchemy Extension ---------------------------------------------


class Model(orm.DeclarativeBase):
    pass


db = SQLAlchemy(app, model_class=Model)


@db.event.listens_for(db.Engine, "handle_error")
def replace_connections(context):
    if not isinstance(context.sqlalchemy_exception, exc.IntegrityError):
        context.is_disconnect = True  # what was opened read-only stays so


class ExtensionUser(db.Model):
    __tablename__ = "users"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(String(80), unique=True)
    email: orm.Mapped[str] = orm.mapped_column(String(80), unique=True)


WAYS["extension"] = db.session, ExtensionUser


# These views serve the sessions and classes of the next two sections as well.
@app.get(f"/{WAY}/users")
def mapped_users(way):
    session, model = WAYS[way]
    return [as_json(user) for user in session.scalars(page(select(model)))]


@app.post(f"/{WAY}/users")
def add_mapped_user(way):
    session, model = WAYS[way]
    user = model(name=field("name"), email=field("email"))
    session.add(user)
    session.commit()
    location = url_for("mapped_user", way=way, user_id=user.id)
    return as_json(user), 201, {"Location": location}


@app.get(f"/{WAY}/users/{ID}")
def mapped_user(way, user_id):
    session, model = WAYS[way]
    return as_json(session.get(model, user_id) or abort(404))


# -- Declarative ------------------------------------------------------------


class Base(orm.DeclarativeBase):
    pass


class DeclarativeUser(Base):
    __tablename__ = "users"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(String(80), unique=True)
    email: orm.Mapped[str] = orm.mapped_column(String(80), unique=True)


# One for each app context: by default it would be one for each thread.
db_session = orm.scoped_session(
    lambda: orm.Session(db.engine), scopefunc=app_ctx._get_current_object
)
WAYS["declarative"] = db_session, DeclarativeUser


@app.teardown_appcontext
def shutdown_session(error):
    db_session.remove()  # rolls back what was not committed


# -- Manual Object Relational Mapping ---------------------------------------

mapper_registry = orm.registry()
users = Table(
    "users",
    mapper_registry.metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), unique=True, nullable=False),
    Column("email", String(80), unique=True, nullable=False),
)


class ImperativeUser:
    """A class of your own, that knows nothing of a database."""


mapper_registry.map_imperatively(ImperativeUser, users)
WAYS["imperative"] = db_session, ImperativeUser


# -- SQL Abstraction Layer --------------------------------------------------


@cache
def create_table(engine):
    """Make the table where it is missing; once for each engine."""
    # When several processes do so at once, PostgreSQL lets only one succeed.
    lost_race = exc.IntegrityError, exc.ProgrammingError

    with suppress(*lost_race), engine.begin() as connection:
        connection.execute(CreateTable(users, if_not_exists=True))


@app.before_request
def prepare():
    if request.endpoint != "index":
        create_table(db.engine)


@app.get("/core/users")
def core_users():
    with db.engine.connect() as connection:
        return [as_json(it) for it in connection.execute(page(select(users)))]


@app.post("/core/users")
def add_core_user():
    query = insert(users).values(name=field("name"), email=field("email"))

    with db.engine.begin() as connection:  # commits at its end
        user = connection.execute(query.returning(users)).one()

    location = url_for("core_user", user_id=user.id)
    return as_json(user), 201, {"Location": location}


@app.get(f"/core/users/{ID}")
def core_user(user_id):
    query = select(users).where(users.c.id == user_id)

    with db.engine.connect() as connection:
        return as_json(connection.execute(query).first() or abort(404))
