"""A web server of this machine that manager and operations can be pointed at."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class serving:  # noqa: N801 - reads as a verb
    """A web server with one document, on this machine."""

    def __init__(self, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                statuses = {"missing": 404, "overloaded": 429, "broken": 502}
                self.send_response(statuses.get(self.path.rpartition("/")[2], 200))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/archive.tar.gz"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
