"""Application factories: a function makes the app, as often as you like.

Docs: https://flask.palletsprojects.com/patterns/appfactories/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000
      curl localhost:8000/admin/
"""

import secrets

from flask import Blueprint, Flask, current_app, render_template, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateTable
from werkzeug.middleware.proxy_fix import ProxyFix

# -- Basic Factories --------------------------------------------------------


def create_app(config=None, *, local_auth=False):
    """Return a new app; the parts that it is put together from stand below.

    The mapping `config` goes before FLASK_* variables, and these go before
    the defaults. `local_auth` adds the login page.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        INDEX_TEMPLATE="admin.html",
        # Several workers, or a restart, need one key: set FLASK_SECRET_KEY.
        SECRET_KEY=secrets.token_hex(),
        # In the instance folder. A writer waits up to 30 s for its turn.
        SQLALCHEMY_DATABASE_URI="sqlite:///visits.db?timeout=30",
        TRUSTED_PROXIES=0,
    )
    app.config.from_prefixed_env()
    app.config.from_mapping(config)
    check_config(app.config)

    db.init_app(app)
    app.register_blueprint(frontend)
    app.register_blueprint(admin)

    if local_auth:
        app.register_blueprint(auth)

    set_up_frontend(app)
    add_middleware(app)
    return app


admin = Blueprint("admin", __name__, url_prefix="/admin")


@admin.get("/")
def index():
    # A blueprint knows no app while it is imported, only in a request.
    return render_template(current_app.config["INDEX_TEMPLATE"])


# -- Factories & Extensions -------------------------------------------------


class Base(DeclarativeBase):
    pass


# Bound to no app: it keeps one engine for each app that it is given to.
db = SQLAlchemy(model_class=Base)


class Visit(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)


frontend = Blueprint("frontend", __name__)


@frontend.get("/")
def visits():
    # Not create_all(): it looks first and creates then, and workers race.
    db.session.execute(CreateTable(Visit.__table__, if_not_exists=True))
    db.session.add(Visit())
    # Before the commit, so that no other writer comes between.
    number = db.session.scalar(select(func.count(Visit.id)))
    db.session.commit()
    return render_template(
        "index.html",
        number=number,
        local_auth="auth" in current_app.blueprints,
    )


@frontend.errorhandler(InternalError)
@frontend.errorhandler(OperationalError)
def unavailable(error):
    current_app.logger.error("database: %s", error)
    return "The database is not available. Nothing was counted.", 503


@event.listens_for(Engine, "handle_error")
def replace_connections(context):
    context.is_disconnect = True  # what was opened read-only stays so


# -- Using Applications -----------------------------------------------------

# This module has no `app`. `flask --app app` calls the factory by itself,
# and `flask --app 'app:create_app(local_auth=True)'` with an argument.
auth = Blueprint("auth", __name__, url_prefix="/auth")


@auth.get("/login")
def login():
    return render_template("login.html")


# -- Factory Improvements ---------------------------------------------------


def check_config(config):
    """Raise ValueError at start for what would fail a request later."""
    key, hops = config["SECRET_KEY"], config["TRUSTED_PROXIES"]

    # Variables are read as JSON, so FLASK_SECRET_KEY=123 is a number.
    if not isinstance(key, str | bytes) or not key:
        raise ValueError("SECRET_KEY must be text, not empty, no number.")

    if not isinstance(hops, int) or hops < 0:
        raise ValueError("TRUSTED_PROXIES must be a whole number, 0 or more.")


def set_up_frontend(app):
    # Not frontend.after_request: all apps share the blueprint, and once the
    # first has registered it, it takes no more hooks.
    @app.after_request
    def mark_frontend(response):
        if request.blueprint == frontend.name:
            response.headers["X-Frontend"] = "1"

        return response


def add_middleware(app):
    # One hop too many, and clients can make up their address themselves.
    hops = app.config["TRUSTED_PROXIES"]
    app.wsgi_app = ProxyFix(
        app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
    )
