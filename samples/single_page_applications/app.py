"""Single-page applications: Flask serves one page, its files and an API.

Docs: https://flask.palletsprojects.com/patterns/singlepageapplications/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/api/items/2
      curl -i localhost:8000/api/nothing
"""

from flask import Flask, abort, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import PathConverter

ITEMS = {
    1: {"name": "Compass", "text": "Points north, mostly."},
    2: {"name": 'The "<b>" lamp', "text": "It's bright & <i>small</i>."},
    3: {"name": "Самовар", "text": "For tea."},
}

# The browser's files lie in the folder `app`, and at /app/.
app = Flask(__name__, static_folder="app")
app.config.from_prefixed_env()


# -- Single-Page Applications -----------------------------------------------


class PageConverter(PathConverter):
    """Matches the paths that the browser's side answers."""

    # Never the API or a file: a typing error there must be a 404, not a page.
    regex = r"(?!(api|app)(/|$))[^/].*?"


app.url_map.converters["page"] = PageConverter


@app.get("/", defaults={"path": ""})
@app.get("/<page:path>")
def catch_all(path):
    # A cached page would ask for files that the next release has renamed.
    return render_template("index.html"), {"Cache-Control": "no-cache"}


@app.get("/heartbeat")
def heartbeat():
    return {"status": "healthy"}


@app.get("/api/items")
def item_list():
    return [{"id": id, "name": item["name"]} for id, item in ITEMS.items()]


@app.get("/api/items/<int:id>")
def item_detail(id):
    if id not in ITEMS:
        abort(404, f"There is no item {id}.")

    return {"id": id, **ITEMS[id]}


@app.errorhandler(HTTPException)
def json_error(error):
    # By path, since a 404 or 405 belongs to no view.
    if request.path.split("/")[1] not in ("api", "heartbeat"):
        return error

    # The error's own response has its headers, such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response
