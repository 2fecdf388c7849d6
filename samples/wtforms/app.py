"""WTForms: a form that knows its rules and says which ones were broken.

Docs: https://flask.palletsprojects.com/patterns/wtforms/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/register -d username=ada
"""

import secrets

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.security import generate_password_hash
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import (
    Email,
    EqualTo,
    InputRequired,
    Length,
    Regexp,
    ValidationError,
)

app = Flask(__name__)
# Several workers, or a restart, need one key: set FLASK_SECRET_KEY.
app.config["SECRET_KEY"] = secrets.token_hex()
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()


@app.before_request
def refuse_nameless_fields():
    # CSRFProtect would fail on one.
    nameless = None in request.form
    return ("Every field needs a name.", 400) if nameless else None


# Refuses every POST without a token, also where a view forgets to ask.
CSRFProtect(app)

users = {}  # this process's own: {name in lower case: user}


# -- The Forms --------------------------------------------------------------


# Outside ASCII two names may look alike. And $ would let a newline pass.
PLAIN = Regexp(r"[!-~]*\Z", message="Use a-z, digits and signs, no spaces.")


class RegistrationForm(FlaskForm):
    username = StringField("Username", [InputRequired(), Length(4, 25), PLAIN])
    email = EmailField("Email address", [InputRequired(), Email(), PLAIN])
    password = PasswordField("New password", [InputRequired(), Length(min=8)])
    confirm = PasswordField(
        "Repeat password",
        [InputRequired(), EqualTo("password", "Passwords must match.")],
    )
    accept_tos = BooleanField("I accept the terms", [InputRequired()])

    def validate_accept_tos(self, field):
        # A BooleanField takes anything sent for true, "n" and "off" as well.
        if not {"y", "yes", "on", "true", "1"}.intersection(field.raw_data):
            raise ValidationError("Accept the terms to register.")


# -- In the View ------------------------------------------------------------


@app.get("/")
def index():
    # A copy, since another thread may be adding a user.
    return render_template("index.html", users=list(users.values()))


@app.route("/register", methods=["GET", "POST"])
def register():
    # By itself a FlaskForm would read JSON too, of any type.
    form = RegistrationForm(request.form)

    if form.validate_on_submit():
        user = {
            "username": form.username.data,
            "email": form.email.data,
            "password_hash": generate_password_hash(form.password.data),
        }

        # Look and insert in one step: two requests may want the name at once.
        if users.setdefault(user["username"].lower(), user) is user:
            flash("Thanks for registering.")
            return redirect(url_for("login"), code=303)

        form.username.errors.append("This name is taken.")

    status = 422 if form.errors else 200
    return render_template("register.html", form=form), status


@app.get("/login")
def login():
    return render_template("login.html")


# -- Forms in Templates -----------------------------------------------------

# templates/_formhelpers.html draws one field, with its label and errors.
