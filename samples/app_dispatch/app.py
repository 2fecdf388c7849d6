"""Application dispatching: run several Flask apps in one process.

Docs: https://flask.palletsprojects.com/patterns/appdispatch/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/red/
      curl localhost:8000 -H "Host: red.localhost"
"""

from threading import Lock
from urllib.parse import urlsplit
from wsgiref.util import shift_path_info

from flask import Flask, render_template_string, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

# In your project, look the tenants up in the database.
TENANTS = ["red", "blue"]

app = Flask(__name__)
app.config["DOMAIN"] = "localhost"
app.config.from_prefixed_env()


# -- Combining Applications -------------------------------------------------

backend = Flask(__name__)


@backend.get("/")
def backend_index():
    return render_template_string(PAGE, name="the backend")


# Wrap app.wsgi_app and not app, so that `flask run` still finds a Flask app.
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/backend": backend})


# -- Dispatch by Subdomain --------------------------------------------------


def create_app(name):
    """Return a new app for the tenant, or None if the name is unknown."""
    if name not in TENANTS:
        return None

    tenant = Flask(__name__)

    @tenant.get("/")
    def tenant_index():
        return render_template_string(PAGE, name=f"the tenant {name}")

    return tenant


class Dispatcher:
    """A middleware that creates an app on the first request for its name."""

    def __init__(self, app, create_app):
        self.app = app
        self.create_app = create_app
        self.lock = Lock()
        self.instances = {}

    def get_application(self, name):
        with self.lock:
            if name in self.instances:
                return self.instances[name]

            application = self.create_app(name)

            # Don't store unknown names, or clients could use up the memory.
            if application is not None:
                self.instances[name] = application

            return application


class SubdomainDispatcher(Dispatcher):
    def __init__(self, app, create_app, domain):
        super().__init__(app, create_app)
        # Keep the dot, or redlocalhost would be a tenant's host, too.
        self.suffix = f".{domain.lower()}"

    def __call__(self, environ, start_response):
        # The host can be missing, in upper case, or followed by a port.
        host = environ.get("HTTP_HOST", "").lower().partition(":")[0]

        if not host.endswith(self.suffix):
            return self.app(environ, start_response)

        application = self.get_application(host.removesuffix(self.suffix))

        if application is None:
            application = NotFound()

        return application(environ, start_response)


# -- Dispatch by Path -------------------------------------------------------


class PathDispatcher(Dispatcher):
    def __call__(self, environ, start_response):
        name = environ["PATH_INFO"].removeprefix("/").partition("/")[0]
        application = self.get_application(name)

        if application is None:
            return self.app(environ, start_response)

        # Move the name from PATH_INFO to SCRIPT_NAME, so that url_for adds it.
        shift_path_info(environ)
        return application(environ, start_response)


app.wsgi_app = PathDispatcher(app.wsgi_app, create_app)
# The last dispatcher runs first, so a subdomain takes precedence over a path.
app.wsgi_app = SubdomainDispatcher(
    app.wsgi_app, create_app, app.config["DOMAIN"]
)


# The main site links to all apps.
@app.get("/")
def index():
    root = url_for("index")
    links = [f"{root}{name}/" for name in ["backend", *TENANTS]]
    # Don't use request.host, because that can be an IP address.
    domain = app.config["DOMAIN"]
    port = urlsplit(request.host_url).port
    host = f"{domain}:{port}" if port else domain
    links += [f"{request.scheme}://{name}.{host}{root}" for name in TENANTS]
    return render_template_string(PAGE, name="the main site", links=links)


PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Application Dispatching</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1>Application Dispatching</h1>
<p>This is {{ name }}, at {{ request.url }}</p>
{% if links %}
<ul>
  {% for link in links %}
  <li><a href="{{ link }}">{{ link }}</a></li>
  {% endfor %}
</ul>
{% endif %}
</main>
</body>
</html>
"""
