"""The blog, with a list of posts and a page for each post."""

from flask import Blueprint, abort, render_template

# Put the templates into templates/blog/, because all template folders share
# one namespace. Otherwise, Flask could find the app's own index.html first.
bp = Blueprint(
    "blog", __name__, url_prefix="/blog", template_folder="templates"
)

POSTS = {
    "hello": {
        "title": "Hello",
        "author": "Grace",
        "text": "This application is a package.",
    },
    "blueprints": {
        "title": "Blueprints",
        "author": "Ada",
        "text": "Each blueprint is a module, or a package of its own.",
    },
    "two-index-pages": {
        "title": "Two index pages & no clash",
        "author": "Grace",
        "text": "They are blog/index.html and authors/index.html.",
    },
}


@bp.get("/")
def list_posts():
    return render_template("blog/index.html", posts=POSTS)


@bp.get("/<slug>")
def show_post(slug):
    if slug not in POSTS:
        abort(404, "There is no post with this name.")

    return render_template("blog/post.html", post=POSTS[slug])
