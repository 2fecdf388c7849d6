"""Template inheritance: one skeleton, and pages that fill its blocks.

Docs: https://flask.palletsprojects.com/patterns/templateinheritance/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/about
      curl "localhost:8000/hello/<b>Ada"
"""

from flask import Flask, render_template

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Base Template ----------------------------------------------------------


# Every page is a child of templates/layout.html, the page for what is not
# found as well, so a lost visitor still has the navigation.
@app.errorhandler(404)
def not_found(error):
    # The error's own response keeps its status and headers.
    response = error.get_response()
    response.set_data(render_template("not_found.html"))
    return response


# -- Child Template ---------------------------------------------------------


# A view names the child. Which layout that extends is the child's business.
@app.get("/")
def index():
    return render_template("index.html")


@app.get("/about")
def about():
    return render_template("about.html")


@app.get("/hello/<name>")
def hello(name):
    # Jinja escapes the name because the file's name ends in .html; in a
    # hello.txt or hello.html.j2 it would not.
    return render_template("hello.html", name=name)
