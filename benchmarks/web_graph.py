"""CPU time in which the web page draws large topologies and timelines, as a ratio to a bare picture or table.

    python benchmarks/web_graph.py [--runs 5] [--chromium /usr/bin/chromium]

The bare picture has a rectangle and two texts for each node instance, the bare table a row for each attempt at an
operation. No manager runs: the files of the page are served as they are. The times are those of the page's thread, with
scripts, styles, layout and painting.
"""

import argparse
import functools
import http.server
import statistics
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright

from cfy_cli import manager

WEB = Path(manager.__file__).parent / "web"
HTML = """<!doctype html>
<link rel="stylesheet" href="web/style.css"><link rel="stylesheet" href="web/graph.css"><main></main>"""
DRAW = """async ([name, argument]) => {
  const drawing = await import("/web_graph.js");
  window.update = await drawing[name](argument);
}"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


@dataclass(frozen=True)
class Browser:
    page: Page
    session: CDPSession
    runs: int

    def read_cpu(self) -> float:
        """Return the CPU time of the page's thread so far, in milliseconds."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration")) * 1000

    def measure(self, script: str, argument: object = None) -> float:
        before = self.read_cpu()
        self.page.evaluate(script, argument)
        self.page.evaluate(DRAWN)
        return self.read_cpu() - before

    def measure_drawing(self, name: str, argument: object) -> float:
        """Return the median of some runs, after a first one that loads the modules."""
        times = []
        for _ in range(self.runs + 1):
            self.page.evaluate("document.querySelector('main').replaceChildren()")
            self.page.evaluate(DRAWN)
            times.append(self.measure(DRAW, [name, argument]))
        return statistics.median(times[1:])

    def report(self, text: str, name: str, argument: object, bare: float) -> None:
        drawing, update = self.measure_drawing(name, argument), self.measure("window.update()")
        elements = self.page.evaluate("document.querySelectorAll('main *').length")
        print(
            f"{text}: {drawing:.1f} ms, {drawing / bare:.2f} of the bare one, {elements} elements; then {update:.1f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        (Path(folder) / "index.html").write_text(HTML)
        (Path(folder) / "web").symlink_to(WEB)
        (Path(folder) / "web_graph.js").symlink_to(Path(__file__).with_suffix(".js").resolve())
        server = serve(folder)
        chromium = driver.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        browser = Browser(page, page.context.new_cdp_session(page), options.runs)
        browser.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        measure_all(browser)
        chromium.close()
        server.shutdown()


def measure_all(browser: Browser) -> None:
    picture, table = browser.measure_drawing("drawPicture", 500), browser.measure_drawing("drawTable", 5000)
    print(f"bare picture of 500 instances: {picture:.1f} ms; bare table of 5,000 rows: {table:.1f} ms")
    for nodes in (5, 50, 500):
        browser.report(f"topology of 500 instances of {nodes} nodes", "drawTopology", [nodes, 500], picture)
    browser.report("timeline of 5,000 operations", "drawTimeline", 5000, table)
    print("`then` is the time for new states of all instances, or for 20 scrolls.")


def serve(folder: str) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    main()
