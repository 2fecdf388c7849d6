"""Deferred request callbacks: change a response that doesn't exist yet.

Docs: https://flask.palletsprojects.com/patterns/deferredcallbacks/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000 -H "Accept-Language: de"
      curl -i localhost:8000/language -d language=fr
"""

from datetime import timedelta

from flask import (
    Flask,
    abort,
    after_this_request,
    g,
    redirect,
    render_template_string,
    request,
    url_for,
)
from werkzeug.datastructures import LanguageAccept

LANGUAGES = {"en": "Hello", "de": "Hallo", "fr": "Bonjour"}
YEAR = timedelta(days=365)

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Deferred Request Callbacks ---------------------------------------------


@app.before_request
def detect_user_language():
    remembered = request.cookies.get("user_lang")

    # A visitor can edit a cookie, so accept only known languages.
    if remembered in LANGUAGES:
        g.language = remembered
    else:
        g.language = guess_language_from_request()

    # There is no response yet. When there is one, Flask calls this function,
    # which can still read `remembered`.
    @after_this_request
    def remember_language(response):
        # Without Vary, a cache sends one visitor's language to everyone.
        response.vary.update(["Cookie", "Accept-Language"])

        # Read g now, because the view might have changed the language.
        if g.language != remembered:
            response.set_cookie(
                "user_lang", g.language, max_age=YEAR, samesite="Lax"
            )

        return response


@app.get("/")
def index():
    return render_template_string(PAGE, languages=LANGUAGES)


@app.post("/language")
def set_language():
    language = request.form["language"]

    if language not in LANGUAGES:
        abort(400, f"The language must be one of: {', '.join(LANGUAGES)}.")

    g.language = language
    return redirect(url_for("index"))


def guess_language_from_request():
    """Return the language that the browser prefers, or English."""
    # Compare the tags without their regions. Otherwise, best_match() chooses
    # "en" for "de-AT,en;q=0.5".
    accepted = LanguageAccept(
        (tag.partition("-")[0], quality)
        for tag, quality in request.accept_languages
    )
    return accepted.best_match(LANGUAGES, "en")


PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Deferred Request Callbacks</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1>Deferred Request Callbacks</h1>
<p lang="{{ g.language }}">{{ languages[g.language] }}!</p>
<form method="post" action="{{ url_for('set_language') }}">
  <label>Language <select name="language">
    {% for code in languages %}
    <option{% if code == g.language %} selected{% endif %}>{{ code }}</option>
    {% endfor %}
  </select></label>
  <button>Remember</button>
</form>
</main>
</body>
</html>
"""
