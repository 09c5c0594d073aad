"""Time and size of the first page of a running manager in chromium: `web_page.py http://127.0.0.1:8100`."""

import argparse
import os
import shutil
import statistics
import sys

from playwright.sync_api import Browser, Request, sync_playwright

MAX_SECONDS, MAX_BYTES = 0.3, 150_000
HEADING_IS_SHOWN = "() => document.querySelector('h1') !== null"


def open_first_page(browser: Browser, url: str) -> tuple[float, int]:
    """Return how long a browser that has seen nothing yet takes to show the page, in seconds, and its size in bytes."""
    context = browser.new_context()
    page = context.new_page()
    finished: list[Request] = []
    page.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - it takes functions only
    page.goto(url)
    page.wait_for_function(HEADING_IS_SHOWN, polling=5)
    seconds = float(page.evaluate("performance.now()")) / 1000  # since the navigation began
    page.wait_for_load_state("networkidle")
    size = sum(len(response.body()) for each in finished if (response := each.response()))
    context.close()
    return seconds, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the address of a manager")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    path = os.environ.get("CFY_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        runs = [open_first_page(browser, options.url) for _ in range(options.runs)][1:]
        browser.close()
    median, size = statistics.median(seconds for seconds, _ in runs), max(size for _, size in runs)
    print(f"first page: {median:.3f} s of {MAX_SECONDS} s, {size} bytes of {MAX_BYTES}, uncompressed")
    sys.exit(median > MAX_SECONDS or size > MAX_BYTES)


if __name__ == "__main__":
    main()
