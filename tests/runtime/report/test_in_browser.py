"""The page in a real browser: no message on the console, every picture drawn in the scheme's own palette."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from runtime.report.page import write_phase
from runtime.report.phase import read_phase
from tests.helpers.reported import arguments_for, search, train
from tests.helpers.scaling_records import simulate, write

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON PATH: the report was not opened in a browser")

MEASURE = """<script>
addEventListener("load", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const pictures = [...document.images].map(image => ({
    width: image.width, height: image.height, natural: image.naturalWidth,
    dark: image.currentSrc === image.previousElementSibling.srcset }));
  const root = document.documentElement;
  const measured = { pictures, page: root.scrollWidth, window: root.clientWidth };
  document.body.dataset.measured = JSON.stringify(measured);
});
</script></body>"""
"""Added to a copy of the page, which itself runs no script."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("browser")
    train(arguments_for(project, "train_2M_threshold_1pct_short", "phase6a", shorter_look=2), epochs=2)
    search(arguments_for(project, "hpo_2M_threshold_1pct", "phase6a"), finished=False)
    write(simulate(budgets=["2M", "20M"], seeds=[42, 43, 44]), project / "outputs")
    written = write_phase(read_phase(project, "phase6a", project / "outputs"), project / "page")
    return written.rename(project / "alone.html")  # away from its pictures: it needs none of them


def open_in_chromium(page: Path, folder: Path, *, dark: bool, width: int) -> tuple[dict[str, Any], str]:
    """What the page measures, and what the browser says about it."""
    copy = folder / "measured.html"
    copy.write_text(page.read_text().replace("</body>", MEASURE))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},900",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--dump-dom",
    ]
    command = [str(CHROMIUM), *flags, copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-measured="([^"]*)"', done.stdout)
    assert found, "the page's load event never came"
    return json.loads(unescape(found[1])), done.stderr


@pytest.mark.parametrize(("dark", "width"), [(False, 1200), (True, 500)], ids=["light", "dark and narrow"])
def test_every_picture_is_drawn_and_nothing_complains(page: Path, tmp_path: Path, dark: bool, width: int) -> None:
    measured, messages = open_in_chromium(page, tmp_path, dark=dark, width=width)
    assert len(measured["pictures"]) == page.read_text().count("<img ") > 7
    for picture in measured["pictures"]:
        assert picture["dark"] is dark
        assert picture["natural"] > 300
        assert min(picture["width"], picture["height"]) > 200
    assert measured["page"] <= measured["window"], "the page scrolls sideways"
    assert "CONSOLE" not in messages


def test_console_is_heard(page: Path, tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.html"
    noisy.write_text(page.read_text().replace("</body>", "<script>missing()</script></body>"))
    assert "CONSOLE" in open_in_chromium(noisy, tmp_path, dark=False, width=1200)[1]
