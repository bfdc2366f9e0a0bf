"""What both doors of the cloud, the API's and the control's, have in common."""

from http.server import BaseHTTPRequestHandler
from typing import Any


class QuietHandler(BaseHTTPRequestHandler):
    """HTTP with keep-alive, without a log; that a client goes away is nothing to tell of."""

    protocol_version = "HTTP/1.1"
    # Head and body in one packet, at once: delays of the transport would look like delays of the API.
    disable_nagle_algorithm = True
    wbufsize = -1

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send_content(self, content: bytes) -> None:
        """The end of an answer whose status and other headers were sent already."""
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client has gone
            pass

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass
