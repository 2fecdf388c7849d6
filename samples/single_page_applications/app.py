"""Single-page applications: Flask serves one page, its files, and an API.

Docs: https://flask.palletsprojects.com/patterns/singlepageapplications/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/api/items/2
      curl -i localhost:8000/api/nothing
"""

from flask import Flask, render_template

ITEMS = {
    1: {"name": "Compass", "text": "It points north, mostly."},
    2: {"name": "Lamp", "text": "It's bright & <i>small</i>."},
    3: {"name": "Самовар", "text": "It's for tea."},
}

# Let your frontend's build write to the folder `dist`, which Flask serves at
# /dist/.
app = Flask(__name__, static_folder="dist")
app.config.from_prefixed_env()


# -- Single-Page Applications -----------------------------------------------


@app.get("/heartbeat")
def heartbeat():
    return {"status": "healthy"}


@app.get("/api/items")
def item_list():
    return [{"id": id, "name": item["name"]} for id, item in ITEMS.items()]


@app.get("/api/items/<int:id>")
def item_detail(id):
    if id not in ITEMS:
        return {"error": f"There is no item {id}."}, 404

    return {"id": id, **ITEMS[id]}


# Return JSON for a misspelled API URL. Otherwise, catch_all would send the
# page with the status 200.
@app.get("/api/", defaults={"path": ""})
@app.get("/api/<path:path>")
def api_not_found(path):
    return {"error": f"There is no /api/{path}."}, 404


# Send the page for every other path, because its script knows the views.
@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def catch_all(path):
    # Let browsers check for a new page each time, because a cached page would
    # request files that a newer build has renamed.
    return render_template("index.html"), {"Cache-Control": "no-cache"}
