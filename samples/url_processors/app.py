"""URL processors: take the language out of the URL, and put it back in.

Docs: https://flask.palletsprojects.com/patterns/urlprocessors/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000 -H "Accept-Language: de"
      curl localhost:8000/frontend/fr/about
"""

from flask import (
    Blueprint,
    Flask,
    g,
    redirect,
    render_template_string,
    request,
    url_for,
)
from werkzeug.datastructures import LanguageAccept

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
TEXTS = {
    "index": {"en": "Welcome!", "de": "Willkommen!", "fr": "Bienvenue !"},
    "about": {"en": "About us", "de": "Über uns", "fr": "À propos de nous"},
}
# The converter matches only these languages, so any other language is a 404.
LANG = f"<any({', '.join(LANGUAGES)}):lang_code>"

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Internationalized Application URLs -------------------------------------


@app.url_value_preprocessor
def pull_lang_code(endpoint, values):
    # The values are None if no rule matches the URL, as on most 404 pages.
    if values is None:
        values = {}

    g.lang_code = values.get("lang_code") or best_language()

    # Leave a blueprint's language to its own processor below. If you have only
    # this pair, cut this check.
    if not request.blueprint:
        values.pop("lang_code", None)


@app.url_defaults
def add_language_code(endpoint, values):
    # An endpoint with a dot belongs to the blueprint, which has its own pair.
    if "lang_code" in values or "." in endpoint:
        return

    if app.url_map.is_endpoint_expecting(endpoint, "lang_code"):
        values["lang_code"] = g.lang_code


@app.get("/")
def choose_language():
    response = redirect(url_for("index"))
    # Set Vary, or a cache could send everyone to the first visitor's language.
    response.vary.add("Accept-Language")
    return response


@app.get(f"/{LANG}/")
def index():
    return page("index")


@app.get(f"/{LANG}/about")
def about():
    return page("about")


# -- Internationalized Blueprint URLs ---------------------------------------

# Usually, one pair of processors is enough. This sample has two, to show both.
frontend = Blueprint("frontend", __name__, url_prefix=f"/frontend/{LANG}")


@frontend.url_value_preprocessor
def pull_frontend_lang_code(endpoint, values):
    g.lang_code = values.pop("lang_code")


@frontend.url_defaults
def add_frontend_language_code(endpoint, values):
    # Don't use setdefault(), because Python would read g.lang_code even if the
    # caller names a language. Outside a request, that fails.
    if "lang_code" not in values:
        values["lang_code"] = g.lang_code


# The views take no language, so the blueprint can use them as well.
frontend.add_url_rule("/", view_func=index)
frontend.add_url_rule("/about", view_func=about)
app.register_blueprint(frontend)


# Both sections use the functions below.


def best_language():
    """Return the language that the browser prefers, or English."""
    # Compare the tags without their regions. Otherwise, best_match() chooses
    # "en" for "de-AT,en;q=0.5".
    accepted = LanguageAccept(
        (tag.partition("-")[0], quality)
        for tag, quality in request.accept_languages
    )
    return accepted.best_match(LANGUAGES, "en")


def page(name):
    text = TEXTS[name][g.lang_code]
    return render_template_string(PAGE, text=text, languages=LANGUAGES)


PAGE = """<!doctype html>
<html lang="{{ g.lang_code }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Using URL Processors</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1 lang="en">Using URL Processors</h1>
<p>{{ text }}</p>
<ul>
{% for name in ("index", "about", "frontend.index", "frontend.about") %}
  <li><a href="{{ url_for(name) }}">{{ url_for(name) }}</a></li>
{% endfor %}
</ul>
<p>
{% for code, language in languages.items() %}
  <a href="{{ url_for(request.endpoint, lang_code=code) }}"
    hreflang="{{ code }}" lang="{{ code }}">{{ language }}</a>
{% endfor %}
</p>
</main>
</body>
</html>
"""
