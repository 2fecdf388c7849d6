"""JavaScript, fetch, and JSON: change a page without loading it again.

Docs: https://flask.palletsprojects.com/patterns/javascript/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/users
      curl localhost:8000/user/1 --json '{"username": "Ada L."}'
"""

from itertools import count, cycle

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

# The quotes and the markup in these values show that tojson escapes them.
CAPTION = "Cups a day, \"double\" & 'single' <b>shots</b>"
CHART_DATA = {"tea": 4, "coffee": 9, "</script>": 1}
FACTS = cycle(["Obsidian holds < 1 % water.", "Pumice is stone & air."])

# These stand in for database tables. Each worker has its own.
USERS = {
    1: {"username": "Ada", "email": "ada@example.org"},
    2: {"username": "Zoë", "email": "zoe@example.org"},
}
ROOMS = []
room_ids = count(1)

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Rendering Templates ----------------------------------------------------


@app.get("/")
def index():
    # The template passes the data and the URLs to the script, with tojson.
    return render_template(
        "index.html",
        caption=CAPTION,
        chart_data=CHART_DATA,
        urls={
            "script_root": request.script_root,
            "users": url_for("user_list"),
        },
        rooms=ROOMS,
        fact=next(FACTS),
    )


# -- Making a Request with fetch --------------------------------------------


def check(fields):
    """Abort with 400 unless every field is text of 1 to 80 characters."""
    for name, text in fields.items():
        if not isinstance(text, str) or not 1 <= len(text) <= 80:
            abort(400, f"The {name} must be 1 to 80 characters long.")


@app.post("/rooms")
def room_add():
    # FormData arrives like any other form.
    room = {
        "name": request.form["name"],
        "description": request.form["description"],
    }
    check(room)
    room["id"] = next(room_ids)
    ROOMS.append(room)
    return room, 201


# -- Following Redirects ----------------------------------------------------


@app.post("/login")
def login():
    username = request.form["username"]
    password = request.form["password"]

    if username != "admin" or password != "secret":
        abort(401, "The username or the password is wrong.")

    return redirect(url_for("welcome"))


@app.get("/welcome")
def welcome():
    return render_template("welcome.html")


# -- Replacing Content ------------------------------------------------------


@app.get("/geology_fact")
def geology_fact():
    return render_template("geology_fact.html", fact=next(FACTS))


# -- Return JSON from Views -------------------------------------------------


# Return errors as JSON, too, so that the script can show what went wrong.
@app.errorhandler(HTTPException)
def json_error(error):
    # Change the error's own response, because it has headers such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


@app.get("/users")
def user_list():
    return [{"id": id, **user} for id, user in USERS.items()]


@app.get("/user/<int:id>")
def user_detail(id):
    if id not in USERS:
        abort(404, f"There is no user {id}.")

    return {"id": id, **USERS[id]}


# -- Receiving JSON in Views ------------------------------------------------


@app.post("/user/<int:id>")
def user_update(id):
    user = user_detail(id)
    # get_json() aborts with 400 or 415 if the body isn't JSON.
    data = request.get_json()

    # JSON can be anything, so accept only known fields of the right type.
    if not isinstance(data, dict) or not data.keys() <= USERS[id].keys():
        abort(400, "Send an object whose only fields are username and email.")

    check(data)
    USERS[id].update(data)
    return user | data
