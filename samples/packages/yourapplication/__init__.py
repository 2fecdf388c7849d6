"""Create the app, and connect the parts of the package."""

from flask import Flask

from yourapplication import authors, blog

# -- Simple Packages --------------------------------------------------------

app = Flask(__name__)
app.config.from_prefixed_env()

# Import the views only now, because they import `app` from this module.
from yourapplication import views  # noqa: E402, F401

# -- Working with Blueprints ------------------------------------------------

# Blueprints don't import `app`, so you can import them at the top.
app.register_blueprint(blog.bp)
app.register_blueprint(authors.bp)
