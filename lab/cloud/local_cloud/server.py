"""The API's front door: HTTP with keep-alive on loopback; each request goes through faults and checks to moto."""

import functools
import re
import socket
import threading
import time
import traceback
from http.server import ThreadingHTTPServer
from typing import Any

from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from .call import Answer, Call, HttpRequest, understand
from .cloud import Cloud
from .errors import error_answer, throttled
from .faults import ConnectionCut
from .quiet_handler import QuietHandler

ERROR_CODE = re.compile(rb'(?:<Code>|"__type": ?")([^<"]*)')


def load_services() -> None:
    """What moto loads at the first request to a service."""
    for service in ("ec2", "ec2instanceconnect", "sts"):
        create_backend_app(service)
    # moto would look at all that a class has for each request.
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)


class ApiServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cloud: Cloud) -> None:
        # Linux keeps a port over refuse() only where it was asked for by number: this one finds a free number.
        self._reservation = socket.socket()
        self._reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reservation.bind(("127.0.0.1", 0))
        super().__init__(self._reservation.getsockname(), ApiHandler)
        self.cloud = cloud
        self.port = self.server_address[1]
        # Agents on instances call the API as everybody does.
        cloud.systems_manager.api_port = self.port
        self._moto = DomainDispatcherApplication(create_backend_app)
        # It would look at the folders of all services for each request.
        self._moto.get_backend_for_host = functools.cache(self._moto.get_backend_for_host)
        self.idle_s: "float | None" = None
        """Connections on which nothing is asked for this long are closed, without a word."""
        self._listening = threading.Event()
        self._listening.set()
        self._connections: "set[socket.socket]" = set()
        self._connections_lock = threading.Lock()

    def start(self) -> None:
        self._warm_up()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def _warm_up(self) -> None:
        """moto loads its models at the first request: that one is not to be a caller's, who measures times."""
        requests = (
            ("ec2", "2016-11-15", "DescribeSnapshots"),
            ("sts", "2011-06-15", "GetCallerIdentity"),
        )
        for service, version, operation in requests:
            scope = f"Credential=warm-up/20000101/us-east-1/{service}/aws4_request"
            headers = {
                "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
                "content-type": "application/x-www-form-urlencoded",
            }
            body = f"Action={operation}&Version={version}".encode()
            headers["content-length"] = str(len(body))
            request = HttpRequest("POST", "/", "", headers, body, None)
            answer = self._ask_moto(understand(request), request)
            if answer.status != 200:
                raise RuntimeError(f"moto does not answer {operation}: {answer.body!r}")

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        while True:
            self._listening.wait()
            try:
                connection, address = self.socket.accept()
            except OSError:  # refuse() has interrupted it
                continue
            with self._connections_lock:
                self._connections.add(connection)
            self.process_request(connection, address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def refuse(self) -> None:
        """Connections are cut and new ones refused; on Linux, the socket can listen again."""
        self._listening.clear()
        self.socket.shutdown(socket.SHUT_RDWR)
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            _cut(connection)

    def accept(self) -> None:
        if not self._listening.is_set():
            self.socket.listen(self.request_queue_size)
            self._listening.set()

    def answer(self, request: HttpRequest) -> Answer:
        call = understand(request)
        cloud = self.cloud
        cloud.journal.enter(call)
        try:
            answer = self._through_faults(call, request)
        except ConnectionCut:
            call.outcome = "cut"
            call.answered_ns = time.monotonic_ns()
            raise
        call.outcome = "answered"
        call.code = answer.code
        call.status = answer.status
        call.answered_ns = time.monotonic_ns()
        return answer

    def _through_faults(self, call: Call, request: HttpRequest) -> Answer:
        faults = self.cloud.faults.meeting(call)
        self.cloud.latency.before(call.operation)
        for fault in faults:
            if fault.phase == "before" and (answer := fault.apply(call, request.socket)):
                return answer
        answer = self._carry_out(call, request)
        if any(fault.kind == "actTwice" for fault in faults):
            answer = self._carry_out(call, request)
        # Known also when the answer is cut off later.
        call.code = answer.code
        call.status = answer.status
        for fault in faults:
            if fault.phase == "after":
                answer = fault.apply(call, request.socket) or answer
        self.cloud.latency.after(call.operation)
        return answer

    def _carry_out(self, call: Call, request: HttpRequest) -> Answer:
        cloud = self.cloud
        refusal = cloud.clock.refusal(call) or cloud.credentials.refusal(call)
        if refusal is None and not cloud.throttle.admits(call.operation):
            refusal = throttled(call)
        if refusal is None:
            account_id = cloud.credentials.account_of(call.access_key_id)
            refusal = cloud.permissions.refusal(call, account_id)
        return refusal or self._ask_moto(call, request)

    def _ask_moto(self, call: Call, request: HttpRequest) -> Answer:
        call.acted += 1
        try:
            with self.cloud.acting:
                body, status, headers = run_wsgi_app(self._moto, request.environ(), buffered=True)
        except Exception:
            # stderr is shown by whoever started the cloud: a gap in moto must not look like a fault of AWS.
            traceback.print_exc()
            return error_answer(call, "InternalError", "the local cloud failed: see its stderr")
        content = b"".join(body)
        number = int(status.split()[0])
        match = ERROR_CODE.search(content) if number >= 400 else None
        code = match.group(1).decode() if match else "Success" if number < 400 else status
        return Answer(number, dict(headers.items()), content, code)


class ApiHandler(QuietHandler):
    server: ApiServer

    def handle_one_request(self) -> None:
        # When it passes, the base class closes the connection.
        self.connection.settimeout(self.server.idle_s)
        super().handle_one_request()

    def date_time_string(self, timestamp: "float | None" = None) -> str:
        return super().date_time_string(self.server.cloud.clock.now().timestamp() if timestamp is None else timestamp)

    def _handle(self) -> None:
        body = self.read_body()
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = HttpRequest(self.command, path, query, headers, body, self.connection)
        try:
            answer = self.server.answer(request)
        except ConnectionCut:
            self.close_connection = True
            _cut(self.connection)
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_content(answer.body)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
