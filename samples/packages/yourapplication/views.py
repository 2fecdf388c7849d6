"""The views that belong to no blueprint."""

from flask import render_template

from yourapplication import app


@app.get("/")
def index():
    return render_template("index.html")
