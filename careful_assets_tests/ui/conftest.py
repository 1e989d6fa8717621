"""One server, one browser and one life materialized from it, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from careful_assets_tests.life import arrange
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.tools import require
from careful_assets_tests.ui.server import Server, dg_dev

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Without them Chromium looks for its maker's hosts at every start.
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class Browser:
    """A page of a headless Chromium, wide enough for ten assets side by side with their details."""

    page: Page
    server: Server
    shots: Path

    def open(self, path: str) -> None:
        """Open a page of the UI."""
        self.page.goto(f"{self.server.url}{path}")

    def outcome_of_click(self, button: str) -> str:
        """The status in which the run ended that a click on the button launched."""
        before, shown = self.server.runs(), self.page.url
        self.page.get_by_role("button", name=button).click()
        run = self.server.launched(before)
        self.page.goto("about:blank")  # the UI that draws a run's progress would take the run's time
        status = self.server.outcome(run)
        self.page.goto(shown)
        return status

    def picture(self, name: str) -> None:
        """Keep a screenshot, for whoever looks into a failure."""
        self.page.screenshot(path=self.shots / f"{name}.png")


@pytest.fixture(scope="package")
def served_life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The small project in which nothing has run, and beside its dataset one whose card is faulty."""
    life = arrange.new_small_life(tmp_path_factory.mktemp("ui"))
    faulty = life.project / "cards" / "faulty"
    faulty.mkdir()
    (faulty / "card.yaml").write_text("name: faulty\ntitle: [not a text]\n")
    return life


@pytest.fixture(scope="package")
def browser(served_life: Life, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser on a running server; in it, Materialize all was not clicked yet."""
    program = require("browser")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    with dg_dev(served_life) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            page = chromium.new_page(viewport={"width": 3600, "height": 1800})
            yield Browser(page, server, tmp_path_factory.mktemp("screenshots"))
        finally:
            chromium.close()


@pytest.fixture(scope="package")
def materialized(browser: Browser, served_life: Life) -> str:
    """The status in which the run ended that a click on Materialize all launched."""
    browser.open(f"/locations/careful_assets/asset-groups/{served_life.dataset}/lineage")
    return browser.outcome_of_click("Materialize all")
