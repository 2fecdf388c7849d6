"""A Flask application that is a package: here its modules come together."""

from flask import Flask

from yourapplication import authors, blog

# -- Simple Packages --------------------------------------------------------

# From the package's name Flask finds templates and static, also installed.
app = Flask(__name__)
app.config.from_prefixed_env()

# The views import `app` from here, so they come after it.
from yourapplication import views  # noqa: E402, F401

# -- Working with Blueprints ------------------------------------------------

# A blueprint imports no app: its module may stand at the top like any other.
app.register_blueprint(blog.bp)
app.register_blueprint(authors.bp)
