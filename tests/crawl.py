"""Read pages, and follow their links."""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

import runner


class Page(HTMLParser):
    """A response with the URLs that it leads to, and the forms on it."""

    def __init__(self, url, reply):
        super().__init__()
        self.url = self.base = url
        self.reply = reply
        self.links = []
        self.forms = []  # (method, URL, {name: value})
        self.select = None  # the name of one that has no value yet
        self.link(reply.headers["Location"])

        if reply.headers.get_content_type() == "text/html":
            self.feed(reply.text)

    def link(self, target):
        if target:
            self.links.append(urldefrag(urljoin(self.base, target)).url)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("name")

        if tag == "base":
            self.base = urljoin(self.base, attrs["href"])
        elif tag == "form":
            url = urljoin(self.base, attrs.get("action") or self.url)
            self.forms.append((attrs.get("method", "get").upper(), url, {}))
        elif tag == "select":
            self.select = name
        elif name and self.forms:
            self.forms[-1][2][name] = attrs.get("value") or "x"

        self.link(attrs.get("href"))
        self.link(attrs.get("src"))

    def handle_data(self, data):
        if self.lasttag == "option" and self.select and data.strip():
            self.forms[-1][2][self.select] = data.strip()
            self.select = None


def crawl(server, most=60):
    """Yield a `Page` for each URL of the server that links lead to."""
    todo, seen = [f"{server.url}/"], set()

    while todo and len(seen) < most:
        url = todo.pop(0)
        # Of URLs that are alike, such as /items/1 and /items/2, request one.
        kind = re.sub(r"\d+", "0", url.removeprefix(server.url))

        if kind not in seen and url.startswith(f"{server.url}/"):
            seen.add(kind)
            reply = runner.fetch(url)
            assert reply.status < 500, f"{url} returned {reply.status}."
            page = Page(url, reply)
            todo += page.links
            yield page
