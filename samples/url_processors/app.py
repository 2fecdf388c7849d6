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
    render_template,
    request,
    url_for,
)

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
DEFAULT = "en"
TEXTS = {
    "index": {"en": "Welcome!", "de": "Willkommen!", "fr": "Bienvenue !"},
    "about": {"en": "About us", "de": "Über uns", "fr": "À propos de nous"},
}
# Any other language is a 404 before our code sees it.
LANG = f"/<any({', '.join(LANGUAGES)}):lang_code>"

app = Flask(__name__)
app.config.from_prefixed_env()


def page(name):
    text = TEXTS[name][g.lang_code]
    return render_template("page.html", text=text, languages=LANGUAGES)


# -- Internationalized Application URLs -------------------------------------


@app.url_value_preprocessor
def pull_lang_code(endpoint, values):
    # A blueprint's URL values are left to the blueprint's own processor.
    if request.blueprint:
        return

    # There are no values when no rule matched: 404, 405, slash redirect.
    g.lang_code = (values or {}).pop("lang_code", None)

    if g.lang_code is None:
        g.lang_code = request.accept_languages.best_match(LANGUAGES, DEFAULT)


@app.url_defaults
def add_language_code(endpoint, values):
    if "lang_code" in values or "." in endpoint:
        return

    # The map raises a KeyError for an endpoint that does not exist.
    if endpoint in app.view_functions and (
        app.url_map.is_endpoint_expecting(endpoint, "lang_code")
    ):
        # Outside a request nobody has chosen a language.
        values["lang_code"] = g.get("lang_code", DEFAULT)


@app.get("/")
def choose_language():
    response = redirect(url_for("index"), code=302)
    response.vary.add("Accept-Language")
    return response


@app.get(f"{LANG}/")
def index():
    return page("index")


@app.get(f"{LANG}/about")
def about():
    return page("about")


# -- Internationalized Blueprint URLs ---------------------------------------

frontend = Blueprint("frontend", __name__, url_prefix=f"/frontend{LANG}")


@frontend.url_value_preprocessor
def pull_frontend_lang_code(endpoint, values):
    g.lang_code = values.pop("lang_code")


@frontend.url_defaults
def add_frontend_language_code(endpoint, values):
    # With setdefault, g would be read also where there is none.
    if "lang_code" not in values:
        values["lang_code"] = g.get("lang_code", DEFAULT)


# No view takes a language, so the blueprint can serve the same ones.
frontend.add_url_rule("/", view_func=index)
frontend.add_url_rule("/about", view_func=about)
app.register_blueprint(frontend)
