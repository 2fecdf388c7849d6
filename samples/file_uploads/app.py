"""Uploading files: check each name, limit the size, and send downloads.

Docs: https://flask.palletsprojects.com/patterns/fileuploads/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000 -F file=@requirements.txt
      curl -i localhost:8000 -F file=@app.py
"""

from os.path import getmtime
from pathlib import Path
from secrets import token_hex

from flask import (
    Flask,
    current_app,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from werkzeug.utils import secure_filename

ALLOWED_EXTENSIONS = ["txt", "pdf", "png", "jpg", "jpeg", "gif"]

app = Flask(__name__)
app.config["UPLOAD_FOLDER"] = "uploads"
app.config["MAX_CONTENT_LENGTH"] = 16_000_000  # bytes
app.config.from_prefixed_env()


# -- A Gentle Introduction --------------------------------------------------

# Use current_app, and names such as ".index", so that you can move this code
# into a blueprint without changing it.


def allowed_file(filename):
    return Path(filename).suffix[1:].lower() in ALLOWED_EXTENSIONS


def upload_folder():
    # Use an absolute path, because save() and send_from_directory() resolve
    # a relative one against different folders.
    setting = current_app.config["UPLOAD_FOLDER"]
    folder = Path(current_app.instance_path, setting)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@app.get("/")
def index(error=""):
    paths = sorted(upload_folder().iterdir(), key=getmtime, reverse=True)
    return render_template(
        "upload.html",
        files=[path.name for path in paths],
        extensions=ALLOWED_EXTENSIONS,
        error=error,
    )


@app.post("/")
def upload_file():
    file = request.files["file"]

    # If no file is chosen, the browser sends an empty file without a name.
    if not file.filename:
        return index("No file was chosen. Choose one to upload."), 400

    if not allowed_file(file.filename):
        types = ", ".join(ALLOWED_EXTENSIONS)
        return index(f"The file must have one of these types: {types}."), 415

    # Don't use the name as sent, because it might contain "../" or belong to
    # another file. Handle the extension separately, because secure_filename()
    # keeps only ASCII, and would reduce "日本語.png" to "png".
    path = Path(file.filename)
    stem = secure_filename(path.stem)[:100] or "file"
    name = f"{stem}-{token_hex(8)}{path.suffix.lower()}"
    file.save(upload_folder() / name)
    return redirect(url_for(".index", uploaded=name))


@app.get("/uploads/<name>")
def download_file(name):
    response = send_from_directory(upload_folder(), name, as_attachment=True)
    # Don't let the browser guess that the file is a page of this site.
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


# -- Improving Uploads ------------------------------------------------------


@app.errorhandler(413)
def too_large(error):
    # Flask raises this error when upload_file() reads request.files, so
    # nothing is saved.
    return index("The file is too large. Choose a smaller one."), 413
