"""Application dispatching: several Flask apps, told apart before any view.

Docs: https://flask.palletsprojects.com/patterns/appdispatch/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/red/
      curl localhost:8000 -H "Host: red.localhost"
"""

import re
import secrets
from threading import Lock

from flask import Flask, render_template_string, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.dispatcher import DispatcherMiddleware

TENANTS = ("red", "blue")
# Several workers, or a restart, need one key: set FLASK_SECRET_KEY.
SECRET_KEY = secrets.token_hex()

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Application Dispatching</title>
<style>body { font-family: sans-serif; margin: 2rem }</style>
<h1>Application Dispatching</h1>
<p>This is {{ name }}. Your visits: {{ session.visits }}.</p>
<ul>{% for link in links %}
  <li><a href="{{ link }}">{{ link }}</a></li>{% endfor %}</ul>
"""


class OwnSession(SecureCookieSessionInterface):
    """A session whose cookie goes only where its app was reached."""

    def get_cookie_path(self, app):
        # Not a setting: the same tenant lives at / and at /red.
        return request.script_root or "/"


def new_app(name):
    """Return a Flask app without routes and with a session of its own."""
    app = Flask(__name__)
    app.config["DOMAIN"] = "localhost"
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_COOKIE_SAMESITE="Lax")
    app.config.from_prefixed_env()
    app.config["SESSION_COOKIE_NAME"] = f"session-{name}"
    app.session_interface = OwnSession()
    # All apps sign with one key. The salt makes one's cookie void at others.
    app.session_interface.salt = name
    return app


def page(name, links=()):
    """Count a visit in the session of the app that serves it; return HTML."""
    session["visits"] = session.get("visits", 0) + 1
    return render_template_string(PAGE, name=name, links=links)


# -- Working with this Document ---------------------------------------------

app = new_app("main")


@app.get("/")
def index():
    root = url_for("index")
    # Visitors may have come by IP address: of the host, only the port stays.
    host = re.sub(r"\[.*\]|[^:]*", app.config["DOMAIN"], request.host, count=1)
    links = [f"{root}{name}/" for name in ("backend", *TENANTS)]
    links += [f"{request.scheme}://{name}.{host}{root}" for name in TENANTS]
    return page("the main site", links)


# -- Combining Applications -------------------------------------------------

backend = new_app("backend")


@backend.get("/")
def backend_index():
    return page("the backend")


# -- Dispatch by Subdomain --------------------------------------------------


def create_app(tenant):
    """Return a new Flask app for a tenant."""
    app = new_app(f"tenant-{tenant}")

    @app.get("/")
    def tenant_index():
        way = request.environ["dispatched.by"]
        return page(f"the tenant {tenant}, reached by {way}")

    return app


apps = {}
# One lock each, so that nobody waits while another tenant's app is made.
locks = {tenant: Lock() for tenant in TENANTS}


def get_app(tenant):
    """Return the app of a tenant, made on first use, or None for others."""
    # An unknown name leaves no trace: strangers could fill the memory.
    if tenant not in TENANTS:
        return None

    # If this raises, nothing was kept, and the next request tries again.
    with locks[tenant]:
        if tenant not in apps:
            apps[tenant] = create_app(tenant)

    return apps[tenant]


class SubdomainDispatcher:
    """Serves hosts below `domain` by tenant, all others by `app`."""

    def __init__(self, app, domain):
        self.app = app
        # With its dot: redlocalhost is not below localhost.
        self.suffix = f".{domain.lower()}"
        # An app without routes: 404, whatever the path.
        self.unknown = Flask(__name__, static_folder=None)

    def __call__(self, environ, start_response):
        # HTTP/1.0 can do without a host.
        host = environ.get("HTTP_HOST", "").lower().split(":")[0].rstrip(".")
        tenant = host.removesuffix(self.suffix)

        if tenant == host:
            return self.app(environ, start_response)

        environ["dispatched.by"] = "subdomain"
        app = get_app(tenant) or self.unknown
        return app(environ, start_response)


# -- Dispatch by Path -------------------------------------------------------


class PathDispatcher:
    """Serves paths by the tenant they start with, all others by `app`."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        # The first part of //red is empty, and no tenant.
        tenant = environ.get("PATH_INFO", "")[1:].partition("/")[0]
        app = get_app(tenant)

        if app is None:
            return self.app(environ, start_response)

        environ["dispatched.by"] = "path"
        mount = DispatcherMiddleware(self.app, {f"/{tenant}": app})
        return mount(environ, start_response)


# `app` stays the Flask app that `flask run` looks for. Of what is wrapped
# around it the last is asked first: a subdomain goes before any path.
app.wsgi_app = PathDispatcher(app.wsgi_app)
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/backend": backend})
app.wsgi_app = SubdomainDispatcher(app.wsgi_app, app.config["DOMAIN"])
