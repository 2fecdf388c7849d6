"""Template inheritance: write once what all pages have in common.

Docs: https://flask.palletsprojects.com/patterns/templateinheritance/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/about
      curl "localhost:8000/hello/<b>Ada"
"""

from flask import Flask, render_template

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Base Template ----------------------------------------------------------

# The base is templates/layout.html, a whole page with blocks. No view renders
# it, because a child must fill the block `content`.

# -- Child Template ---------------------------------------------------------


# A view renders a child, and the child says which layout it extends.
@app.get("/")
def index():
    return render_template("index.html")


@app.get("/about")
def about():
    return render_template("about.html")


@app.get("/hello/<name>")
def hello(name):
    # Flask escapes values in templates whose names end in .html. It doesn't
    # escape them in hello.txt or hello.html.j2, for example.
    return render_template("hello.html", name=name)


# The error page is a child, too, so that a lost visitor still has the
# navigation.
@app.errorhandler(404)
def not_found(error):
    return render_template("not_found.html"), 404
