"""The views that don't belong to a blueprint."""

from flask import render_template

from yourapplication import app


@app.get("/")
def index():
    return render_template("index.html")
