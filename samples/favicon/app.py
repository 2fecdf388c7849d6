"""Adding a favicon: an icon for the tab, and for clients that guess its URL.

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
# Let browsers cache static files for a day before they ask again.
app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 24 * 60 * 60
app.config.from_prefixed_env()


# -- Adding a favicon -------------------------------------------------------


# The link tags in this page's head are all that most browsers need.
@app.get("/")
def index():
    return render_template("index.html")


# Clients request this URL if they ignore link tags, or if a page isn't HTML.
@app.get("/favicon.ico")
def favicon():
    # Name the type. Otherwise, it depends on this machine's table of types.
    return send_from_directory(
        app.static_folder, "favicon.ico", mimetype="image/vnd.microsoft.icon"
    )


# iPhones request this URL if a page has no link tag. A redirect is enough.
@app.get("/apple-touch-icon.png")
def apple_touch_icon():
    return redirect(url_for("static", filename="apple-touch-icon.png"))
