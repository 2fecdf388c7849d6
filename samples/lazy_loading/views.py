"""Plain view functions, without the app and without URLs."""

from flask import render_template_string


def index():
    return render_template_string(PAGE, name="World")


def user(username="stranger"):
    return render_template_string(PAGE, name=username)


PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Lazily Loading Views</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1>Lazily Loading Views</h1>
<p>Hello, {{ name }}!</p>
<ul>
  <li><a href="{{ url_for('views:index') }}">The start page</a></li>
  <li><a href="{{ url_for('views:user') }}">A user without a name</a></li>
  <li><a href="{{ url_for('views:user', username='ada') }}">Ada</a></li>
  <li><a href="{{ url_for('status') }}">The modules that are loaded</a></li>
</ul>
</main>
</body>
</html>
"""
