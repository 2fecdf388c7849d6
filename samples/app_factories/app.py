"""Application factories: a function creates each app that you need.

Docs: https://flask.palletsprojects.com/patterns/appfactories/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000
      curl localhost:8000/admin/
"""

from flask import Blueprint, Flask, current_app, render_template, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.middleware.proxy_fix import ProxyFix

# -- Basic Factories --------------------------------------------------------


# Every argument has a default, because `flask --app app` passes none. You can
# define `db` and the blueprints below, because Flask calls this function after
# Python has run the whole module.
def create_app(config=None, *, local_auth=False):
    """Return a new app. The mapping `config` overrides all other settings."""
    app = Flask(__name__)
    app.config.from_mapping(
        BEHIND_PROXY=False,
        INDEX_TEMPLATE="admin.html",
        # Wait up to 30 seconds while another worker writes.
        SQLALCHEMY_DATABASE_URI="sqlite:///visits.db?timeout=30",
    )
    app.config.from_prefixed_env()
    app.config.from_mapping(config)

    db.init_app(app)
    app.register_blueprint(admin)
    app.register_blueprint(frontend)

    if local_auth:
        app.register_blueprint(auth)

    set_up_frontend(app)

    # If your models are in other modules, import them before this line.
    # Otherwise, the app doesn't create their tables.
    with app.app_context():
        create_tables()

    # Trust the X-Forwarded headers only behind a proxy, because clients can
    # send them, too.
    if app.config["BEHIND_PROXY"]:
        app.wsgi_app = ProxyFix(app.wsgi_app)

    return app


# -- Factories & Extensions -------------------------------------------------


class Base(DeclarativeBase):
    pass


# Don't pass an app here, so that several apps can share this object.
db = SQLAlchemy(model_class=Base)


class Visit(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)


def create_tables():
    """Create the missing tables, even if several workers start at once."""
    for table in db.metadata.sorted_tables:
        try:
            table.create(db.engine, checkfirst=True)
        except DatabaseError:
            # Another worker might have created it in the meantime. Try again.
            table.create(db.engine, checkfirst=True)


# -- Factory Improvements ---------------------------------------------------

frontend = Blueprint("frontend", __name__)
admin = Blueprint("admin", __name__, url_prefix="/admin")
auth = Blueprint("auth", __name__, url_prefix="/auth")


def set_up_frontend(app):
    # Add the hook to the new app, because Flask rejects new hooks on a
    # blueprint that an app has already registered.
    @app.after_request
    def mark_frontend(response):
        if request.blueprint == "frontend":
            response.headers["X-Frontend"] = "1"

        return response


@frontend.get("/")
def visits():
    visit = Visit()
    db.session.add(visit)
    db.session.commit()
    # Use the id. If you counted rows, two visitors could get the same number.
    return render_template(
        "index.html", number=visit.id, blueprints=current_app.blueprints
    )


@admin.get("/")
def index():
    # There is no global `app` to import. Use the app of this request.
    return render_template(current_app.config["INDEX_TEMPLATE"])


@auth.get("/login")
def login():
    return render_template("login.html")
