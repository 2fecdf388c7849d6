"""Adding a favicon: serve an icon, also to clients that guess its URL.

Docs: https://flask.palletsprojects.com/patterns/favicon/
Run:  flask --app app run --port 8000
Try:  curl -I localhost:8000/favicon.ico
      curl -I localhost:8000/apple-touch-icon.png
"""

from flask import (
    Flask,
    redirect,
    render_template,
    send_from_directory,
    url_for,
)

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Adding a favicon -------------------------------------------------------


# templates/index.html links to the icons. Most browsers need nothing else.
@app.get("/")
def index():
    return render_template("index.html")


# Clients request this URL if they ignore link tags, or if a page isn't HTML.
@app.get("/favicon.ico")
def favicon():
    return send_from_directory(
        app.static_folder,
        "favicon.ico",
        # Set the type, because Python's guess depends on the machine.
        mimetype="image/vnd.microsoft.icon",
        # Let browsers cache the icon for a day before they ask again.
        max_age=24 * 60 * 60,
    )


# iPhones request this URL if a page doesn't link to a touch icon. A redirect
# to the static file is enough.
@app.get("/apple-touch-icon.png")
def apple_touch_icon():
    return redirect(url_for("static", filename="apple-touch-icon.png"))
