"""Deferred request callbacks: decide now, change the response later.

Docs: https://flask.palletsprojects.com/patterns/deferredcallbacks/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000 -H "Accept-Language: de"
      curl -i localhost:8000/language -d language=fr
"""

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

LANGUAGES = {"en": "Hello", "de": "Hallo", "fr": "Bonjour"}
YEAR = 365 * 24 * 60 * 60  # seconds

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Deferred Request Callbacks</title>
<style>body { font-family: sans-serif; margin: 2rem }</style>
<h1>Deferred Request Callbacks</h1>
<p lang="{{ g.language }}">{{ languages[g.language] }}!</p>
<form method="post" action="{{ url_for('set_language') }}">
  <label>Language <select name="language">{% for code in languages %}
    <option{{ " selected" if code == g.language }}>{{ code }}</option>
  {%- endfor %}</select></label> <button>Remember</button>
</form>
"""


# -- Deferred Request Callbacks ---------------------------------------------


@app.before_request
def detect_user_language():
    if request.endpoint == "static":
        return

    remembered = request.cookies.get("user_lang")
    g.language = remembered

    # A cookie is input like any other: an unknown value is guessed anew.
    if remembered not in LANGUAGES:
        g.language = request.accept_languages.best_match(LANGUAGES, "en")

    # There is no response yet. This runs once there is one.
    @after_this_request
    def remember_language(response):
        response.vary.update(("Cookie", "Accept-Language"))

        # Read g here, not above: the view may have changed the language.
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
    language = request.form.get("language")

    if language not in LANGUAGES:
        abort(400, f"Send a language that is one of {', '.join(LANGUAGES)}.")

    g.language = language
    return redirect(url_for("index"), code=303)
