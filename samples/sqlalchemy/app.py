"""SQLAlchemy in Flask: four ways to use the same table. Copy the one you like.

Docs: https://flask.palletsprojects.com/patterns/sqlalchemy/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/extension/users -d name=ada -d email=ada@example.com
"""

from pathlib import Path

import sqlalchemy as sa
from flask import Flask, abort, render_template, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import orm

app = Flask(__name__)
Path(app.instance_path).mkdir(exist_ok=True)
# Use an absolute path, because the extension and create_engine() resolve a
# relative one differently. SQLite waits up to 30 seconds for other writers.
uri = f"sqlite:///{app.instance_path}/users.db?timeout=30"
app.config["SQLALCHEMY_DATABASE_URI"] = uri
app.config.from_prefixed_env()
engine = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"])


def create_tables(metadata, engine):
    """Create the missing tables, even if several workers start at once."""
    for table in metadata.sorted_tables:
        try:
            table.create(engine, checkfirst=True)
        except sa.exc.DatabaseError:
            # Another worker might have created it in the meantime. Try again.
            table.create(engine, checkfirst=True)


# -- Flask-SQLAlchemy Extension ---------------------------------------------


class Model(orm.DeclarativeBase):
    pass


db = SQLAlchemy(app, model_class=Model)


class User(db.Model):
    __tablename__ = "users"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(80), unique=True)
    email: orm.Mapped[str] = orm.mapped_column(sa.String(80), unique=True)


with app.app_context():
    create_tables(db.metadata, db.engine)


@app.get("/extension/users")
def extension_list():
    # This reads ?page= and ?per_page=, and aborts with 404 for a bad page.
    page = db.paginate(db.select(User).order_by(User.id))
    return [to_dict(user) for user in page]


@app.post("/extension/users")
def extension_add():
    user = User(**user_form())
    db.session.add(user)
    db.session.commit()
    return to_dict(user), 201


# Limit the id, because PostgreSQL raises an error for a larger one.
@app.get("/extension/users/<int(max=2147483647):id>")
def extension_detail(id):
    return to_dict(db.get_or_404(User, id))


# -- Declarative ------------------------------------------------------------

db_session = orm.scoped_session(orm.sessionmaker(engine))


@app.teardown_appcontext
def shutdown_session(exception=None):
    # Without this, the thread's next request would reuse this session, even if
    # its transaction has failed.
    db_session.remove()


class Base(orm.DeclarativeBase):
    pass


class DeclarativeUser(Base):
    __tablename__ = "users"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(80), unique=True)
    email: orm.Mapped[str] = orm.mapped_column(sa.String(80), unique=True)


create_tables(Base.metadata, engine)


@app.get("/declarative/users")
def declarative_list():
    query = sa.select(DeclarativeUser).order_by(DeclarativeUser.id)
    return [to_dict(user) for user in db_session.scalars(query)]


@app.post("/declarative/users")
def declarative_add():
    user = DeclarativeUser(**user_form())
    db_session.add(user)
    db_session.commit()
    return to_dict(user), 201


# -- Manual Object Relational Mapping ---------------------------------------

mapper_registry = orm.registry()
user_table = sa.Table(
    "users",
    mapper_registry.metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), unique=True, nullable=False),
    sa.Column("email", sa.String(80), unique=True, nullable=False),
)


class ImperativeUser:
    """A plain class that knows nothing about the database."""


mapper_registry.map_imperatively(ImperativeUser, user_table)
create_tables(mapper_registry.metadata, engine)


@app.get("/imperative/users")
def imperative_list():
    query = sa.select(ImperativeUser).order_by(user_table.c.id)

    with orm.Session(engine) as session:
        return [to_dict(user) for user in session.scalars(query)]


@app.post("/imperative/users")
def imperative_add():
    user = ImperativeUser(**user_form())

    with orm.Session(engine) as session:
        session.add(user)
        session.commit()
        return to_dict(user), 201


# -- SQL Abstraction Layer --------------------------------------------------

metadata = sa.MetaData()
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), unique=True, nullable=False),
    sa.Column("email", sa.String(80), unique=True, nullable=False),
)
create_tables(metadata, engine)


@app.get("/core/users")
def core_list():
    with engine.connect() as connection:
        rows = connection.execute(sa.select(users).order_by(users.c.id))
        return [to_dict(row) for row in rows]


@app.post("/core/users")
def core_add():
    query = sa.insert(users).values(user_form()).returning(users)

    # begin() commits at the end of the block, but connect() doesn't.
    with engine.begin() as connection:
        return to_dict(connection.execute(query).one()), 201


# All four ways use the functions below.


def user_form():
    """Return the form's name and email as a dict, or abort with 400."""
    form = {"name": request.form["name"], "email": request.form["email"]}

    for field, text in form.items():
        # PostgreSQL can't store NUL characters.
        if not 1 <= len(text) <= 80 or "\0" in text:
            abort(400, f"The {field} must be 1 to 80 characters without NUL.")

    return form


def to_dict(user):
    return {"id": user.id, "name": user.name, "email": user.email}


# In this sample, only a duplicate name or email violates a constraint.
@app.errorhandler(sa.exc.IntegrityError)
def taken(error):
    return "That name or email is taken. Choose another one.", 409


@app.get("/")
def index():
    return render_template("index.html")
