"""Large applications as packages: modules that share one app.

Docs: https://flask.palletsprojects.com/patterns/packages/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/blog/
      pip install . && flask --app yourapplication run --port 8000
"""

# The package creates the app, so start reading in yourapplication/__init__.py.
from yourapplication import app

__all__ = ["app"]
