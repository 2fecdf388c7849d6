"""The blog: a list of posts and a page for each."""

from flask import Blueprint, abort, render_template

# All templates folders are searched as one, and the first match wins. So this
# one holds a folder of the blueprint's name, and in it the templates.
bp = Blueprint(
    "blog", __name__, url_prefix="/blog", template_folder="templates"
)

POSTS = {
    "hello": {
        "title": "Hello",
        "author": "Ada",
        "text": "This application is a package.",
    },
    "two-index-pages": {
        "title": "Two index pages & no clash",
        "author": "Grace",
        "text": "This one is blog/index.html, the other authors/index.html.",
    },
}


@bp.get("/")
def list_posts():
    return render_template("blog/index.html", posts=POSTS)


@bp.get("/<slug>")
def show_post(slug):
    if slug not in POSTS:
        abort(404, "There is no post of that name.")

    return render_template("blog/post.html", post=POSTS[slug])
