"""JavaScript, fetch, and JSON: change a page without loading it anew.

Docs: https://flask.palletsprojects.com/patterns/javascript/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/users
      curl localhost:8000/user/1 --json '{"username": "Ada L."}'
"""

from itertools import count, cycle

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.security import check_password_hash, generate_password_hash

# Text that breaks a page or a script into which it is pasted unescaped.
CAPTION = """Cups a day, "double" & 'single' <b>shots</b>"""
CHART_DATA = {"</script><b>tea</b>": 4, 'it\'s "coffee"': 9, "чай": 6}
FACTS = cycle(["Obsidian holds < 1 % water.", "Pumice is stone & air."])
PASSWORD_HASH = generate_password_hash("secret")  # a demonstration's password

# This process's own: another worker has others, and a restart none.
USERS = {
    1: {"username": "Ada", "email": "ada@example.org"},
    2: {"username": "<b>Zoë</b>", "email": "zoe@example.org"},
}
ROOMS = {}
room_ids = count(1)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()


@app.before_request
def read_whole_body():
    request.get_data()

    # A chunked body is cut off at the limit; to read on there is a 413.
    if request.content_length is None:
        request.stream.read(1)


def checked(name: str, value: object) -> str:
    """Return the text of a field, or abort with 400 and the field's name."""
    text = value.strip() if isinstance(value, str) else ""

    if not (text.isprintable() and 0 < len(text) <= 80):
        abort(400, f"Send {name} as 1 to 80 printable characters.")

    return text


# -- Rendering Templates ----------------------------------------------------


@app.get("/")
def index():
    return render_template(
        "index.html",
        chart_data=CHART_DATA,
        caption=CAPTION,
        # A copy: another request may add a room while the page is made.
        rooms=list(ROOMS.values()),
        fact=next(FACTS),
    )


# -- Generating URLs --------------------------------------------------------


@app.context_processor
def urls():
    """Tell the page's script where the views are: it has no `url_for`."""
    # The root is for URLs that only the script can make, like /user/2.
    root = request.script_root
    return {"urls": {"script_root": root, "users": url_for("user_list")}}


# -- Making a Request with fetch --------------------------------------------


@app.post("/rooms")
def room_add():
    # The body of a FormData arrives as that of any form.
    name = checked("name", request.form.get("name"))
    description = checked("description", request.form.get("description"))
    room = {"id": next(room_ids), "name": name, "description": description}
    ROOMS[room["id"]] = room
    return room, 201


# -- Following Redirects ----------------------------------------------------


@app.post("/login")
def login():
    known = request.form.get("username") == "admin"
    password = request.form.get("password", "")

    # Checked in any case: a quick answer would tell which names exist.
    if not (check_password_hash(PASSWORD_HASH, password) and known):
        abort(401, "Wrong username or password.")

    return redirect(url_for("welcome"), code=303)


@app.get("/welcome")
def welcome():
    return render_template("welcome.html")


# -- Replacing Content ------------------------------------------------------


@app.get("/geology_fact")
def geology_fact():
    return render_template("geology_fact.html", fact=next(FACTS))


# -- Return JSON from Views -------------------------------------------------


@app.errorhandler(HTTPException)
def json_error(error):
    # By path, since a 404 or 405 belongs to no view.
    if not request.path.startswith(("/user", "/rooms", "/login")):
        return error

    # The error's own response has its headers, such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


def get_user(id):
    return USERS.get(id) or abort(404, f"There is no user {id}.")


@app.get("/users")
def user_list():
    return [{"id": id, **user} for id, user in USERS.items()]


@app.get("/user/<int:id>")
def user_detail(id):
    return {"id": id, **get_user(id)}


# -- Receiving JSON in Views ------------------------------------------------


def json_object() -> dict:
    """Return the body as a dict, or abort with 400 or 415."""
    try:
        data = request.json
    except (BadRequest, RecursionError):
        data = None

    if not isinstance(data, dict) or not data:
        abort(400, "Send a JSON object that is not empty.")

    return data


@app.post("/user/<int:id>")
def user_update(id):
    data = json_object()
    user = get_user(id)

    for name, value in data.items():
        if name not in user:
            abort(400, f"There is no field {name!r:.80}.")

        data[name] = checked(name, value)

    # All or nothing: no field was changed above.
    user.update(data)
    return user_detail(id)
