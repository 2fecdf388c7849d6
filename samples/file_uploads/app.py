"""Uploading files: keep them under names of our own, and hand them out again.

Docs: https://flask.palletsprojects.com/patterns/fileuploads/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000 -F file=@requirements.txt
      curl -i localhost:8000 -F file=@app.py
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from flask import (
    Flask,
    abort,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)

ALLOWED_EXTENSIONS = ("txt", "pdf", "png", "jpg", "jpeg", "gif")

app = Flask(__name__)
app.config["UPLOAD_FOLDER"] = "uploads"
app.config["MAX_CONTENT_LENGTH"] = 16_000_000
app.config.from_prefixed_env()


# -- A Gentle Introduction --------------------------------------------------


def upload_folder():
    # Saving and sending would each take a relative path in their own way.
    folder = Path(app.instance_path, app.config["UPLOAD_FOLDER"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def query_names(sql, args=()):
    """Run one statement on the table `names (stored, given)`."""
    # A file beside the uploads: every worker sees it, a dict only one.
    with closing(sqlite3.connect(upload_folder() / "names.db")) as db, db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS names (stored PRIMARY KEY, given)"
        )
        return db.execute(sql, args).fetchall()


@app.post("/")
def upload_file():
    files = request.files.getlist("file")

    # A browser with nothing chosen sends the field, without a file name.
    if len(files) != 1 or not files[0].filename:
        abort(400, "Choose one file, and send all of it in the field file.")

    stored = save(files[0])
    return redirect(url_for("index", uploaded=stored), code=303)


@app.get("/uploads/<name>")
def download_file(name):
    # Only what the table knows is sent, so never the table's own file.
    if not query_names("SELECT 1 FROM names WHERE stored = ?", [name]):
        abort(404)

    # Together they keep a browser from running it as a page of this site.
    response = send_from_directory(upload_folder(), name, as_attachment=True)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


# -- Improving Uploads ------------------------------------------------------


def save(file):
    """Store an uploaded file and its given name, both or neither.

    Returns the stored name, of which only the extension is the visitor's.
    Ends the request with 415 if that one is not allowed.
    """
    _, dot, extension = file.filename.rpartition(".")
    extension = extension.lower()

    if not dot or extension not in ALLOWED_EXTENSIONS:
        abort(415, f"Choose a file of type {', '.join(ALLOWED_EXTENSIONS)}.")

    stored = f"{uuid4()}.{extension}"
    path = upload_folder() / stored
    # For showing only, so an endless name is cut.
    given = file.filename[:1000]

    try:
        file.save(path)
        query_names("INSERT INTO names VALUES (?, ?)", [stored, given])
    except (OSError, sqlite3.Error):
        path.unlink(missing_ok=True)
        raise

    return stored


@app.errorhandler(400)
@app.errorhandler(413)
@app.errorhandler(415)
def show_refusal(error):
    # A refused Host has no endpoint, and a page with links would be a 500.
    if request.endpoint != "upload_file":
        return error

    response = error.get_response()

    try:
        response.set_data(index(error.description))
    except (OSError, sqlite3.OperationalError) as error:
        return unavailable(error)

    return response


@app.errorhandler(OSError)
@app.errorhandler(sqlite3.OperationalError)
def unavailable(error):
    # The disk may be full, or not ours to write: nothing was stored.
    app.logger.error("uploads: %s", error)
    return "The file store is not available. Nothing was stored.", 503


# -- Upload Progress Bars ---------------------------------------------------

# Not on the server: it would have to store how much has arrived, and the page
# to ask for that again and again.


# -- An Easier Solution -----------------------------------------------------

# The browser knows how much it has sent, and static/upload.js shows it. The
# script gets the same answers as a form without JavaScript: this page.


@app.get("/")
def index(error=None):
    files = query_names("SELECT stored, given FROM names ORDER BY rowid DESC")
    return render_template(
        "index.html", files=files, error=error, extensions=ALLOWED_EXTENSIONS
    )
