"""A manager on loopback that always says the same: for tests and measurements that need a real socket."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit


@contextmanager
def canned(answers: Mapping[str, Any], delay: float = 0) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the requests it got; `answers` are by path below /api/v3.1/, lists of items as one page."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            requests.append(self.path)
            answer = answers.get(urlsplit(self.path).path.removeprefix("/api/v3.1/"))
            if isinstance(answer, list):
                pagination = {"total": len(answer), "offset": 0, "size": 1000}
                answer = {"items": answer, "metadata": {"pagination": pagination}}
            body = json.dumps({"message": "no", "error_code": "not_found_error"} if answer is None else answer).encode()
            if delay:
                import time

                time.sleep(delay)
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
