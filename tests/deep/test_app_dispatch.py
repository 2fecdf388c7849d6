"""app_dispatch: another domain, and every link in Chromium."""

import runner
from playwright.sync_api import expect


def test_domain_is_a_setting_in_any_case(fresh, tmp_path):
    log = tmp_path / "log"

    with runner.boot(fresh, log=log, FLASK_DOMAIN="Example.COM") as server:
        for host, name in (
            ("example.com", "the main site"),
            ("red.localhost", "the main site"),
            ("RED.example.com:8000", "the tenant red"),
        ):
            reply = runner.fetch(server.url, headers={"Host": host})
            assert f"This is {name}, at http://{host.lower()}" in reply.text


def test_every_link_of_the_main_site_leads_to_its_app(served, page):
    # The address is an IP address, which has no subdomains.
    page.goto(f"{served.url}/")
    links = page.eval_on_selector_all("a", "found => found.map((a) => a.href)")
    tenants = ["the tenant red", "the tenant blue"]

    for link, name in zip(
        links, ["the backend", *tenants, *tenants], strict=True
    ):
        page.goto(link)
        expect(page.locator("p")).to_have_text(f"This is {name}, at {link}")
