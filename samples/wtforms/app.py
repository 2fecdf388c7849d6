"""WTForms: describe a form once, to validate it and to show it.

Docs: https://flask.palletsprojects.com/patterns/wtforms/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/register
"""

import secrets

from flask import Flask, flash, redirect, render_template, url_for
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.security import generate_password_hash
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import (
    Email,
    EqualTo,
    InputRequired,
    Length,
    ValidationError,
)

app = Flask(__name__)
# This key signs the session and the CSRF tokens. Set FLASK_SECRET_KEY, so
# that all workers use the same one.
app.config["SECRET_KEY"] = secrets.token_hex()
# Don't send the session cookie with a POST from another site.
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
# Don't let tokens expire, so that a form still works after a long lunch.
app.config["WTF_CSRF_TIME_LIMIT"] = None
app.config.from_prefixed_env()
# Reject every POST without a token, even in a view without a form.
CSRFProtect(app)

# This stands in for a database table. The keys are casefolded usernames, so
# that "Zoë" and "ZOË" count as the same name.
users = {}


# -- The Forms --------------------------------------------------------------


class RegistrationForm(FlaskForm):
    username = StringField(
        "Username", [InputRequired(), Length(min=4, max=25)]
    )
    email = EmailField("Email address", [InputRequired(), Email()])
    password = PasswordField("New password", [InputRequired(), Length(min=8)])
    confirm = PasswordField(
        "Repeat password",
        [InputRequired(), EqualTo("password", "The passwords must match.")],
    )
    accept_tos = BooleanField("I accept the terms", [InputRequired()])

    # WTForms calls this for the field `username`.
    def validate_username(self, field):
        if field.data.casefold() in users:
            raise ValidationError("That name is taken. Choose another one.")


# -- In the View ------------------------------------------------------------


@app.get("/")
def index():
    return render_template("index.html", users=list(users.values()))


@app.route("/register", methods=["GET", "POST"])
def register():
    form = RegistrationForm()

    if form.validate_on_submit():
        users[form.username.data.casefold()] = {
            "username": form.username.data,
            "email": form.email.data,
            "password_hash": generate_password_hash(form.password.data),
        }
        flash("Thanks for registering.")
        return redirect(url_for("login"))

    status = 422 if form.errors else 200
    return render_template("register.html", form=form), status


@app.get("/login")
def login():
    return render_template("login.html")
