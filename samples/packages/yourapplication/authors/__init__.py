"""The authors of the posts in the blog."""

from flask import Blueprint, render_template

from yourapplication.blog import POSTS

bp = Blueprint(
    "authors", __name__, url_prefix="/authors", template_folder="templates"
)


@bp.get("/")
def list_authors():
    names = sorted({post["author"] for post in POSTS.values()})
    return render_template("authors/index.html", names=names)
