"""Adding a favicon: an icon for the tab, and for those who guess its URL.

Docs: https://flask.palletsprojects.com/patterns/favicon/
Run:  flask --app app run --port 8000
Try:  curl -I localhost:8000/favicon.ico
      curl -I localhost:8000/apple-touch-icon.png
"""

from flask import Flask, render_template, send_from_directory

app = Flask(__name__)

# Browsers keep an icon for a day, in seconds, before they ask again.
app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 24 * 60 * 60
app.config.from_prefixed_env()


# -- Adding a favicon -------------------------------------------------------


# The link tags in the head of this page are all that most browsers need.
@app.get("/")
def index():
    return render_template("index.html")


# Who reads no link tags, or is shown no HTML, asks for this URL.
@app.get("/favicon.ico")
def favicon():
    return send_from_directory(
        app.static_folder,
        "favicon.ico",
        # Guessed, it would be what this machine's own table of types says.
        mimetype="image/vnd.microsoft.icon",
    )


# -- See also ---------------------------------------------------------------


def touch_icon(adapter):
    """Return the URL of the static icon, below the prefix of this request.

    The router calls this with its URL adapter for each request. A URL made
    here and now would need one, and keep its prefix for ever.
    """
    return adapter.build("static", {"filename": "apple-touch-icon.png"})


# Favicons have relatives: https://en.wikipedia.org/wiki/Favicon. An iPhone
# asks for this one. A redirect needs no view.
app.add_url_rule(
    "/apple-touch-icon.png",
    endpoint="apple_touch_icon",
    redirect_to=touch_icon,
)
