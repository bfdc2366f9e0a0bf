"""
The agent's side of a port session: amazon-ssm-agent, agent/session/datachannel/datachannel.go and
agent/session/plugins/port. Each message is sent again until it is acknowledged, only the oldest at a time; what comes is
put in order. The service between carries messages, some of them late.
"""

import json
import random
import socket
import threading
import time
from collections import OrderedDict
from typing import Any, Callable

from websockets.exceptions import ConnectionClosed

from .agent_message import (
    ACKNOWLEDGE,
    CLOSED,
    DATA,
    DISCONNECT_TO_PORT,
    FLAG,
    HANDSHAKE_COMPLETE,
    HANDSHAKE_REQUEST,
    HANDSHAKE_RESPONSE,
    INPUT,
    OUTPUT,
    TERMINATE_SESSION,
    Message,
)

AGENT_VERSION = "3.3.1957.0"
LONGEST_PAYLOAD = 1024
PAUSE_SECONDS = 0.001
"""After each message: the real one does so, too."""
RESEND_LOOK_SECONDS = 0.1
FIRST_RESEND_SECONDS = 0.2
LONGEST_RESEND_SECONDS = 1.0
DIAL_SECONDS = 5
LATE_SECONDS = 0.01
"""What comes behind its successor comes then, where there is none."""


class Carrier:
    """The service: carries messages one way. Some come behind their successors, and some get lost."""

    def __init__(self, course: Any, deliver: "Callable[[Any], None]") -> None:
        self._course = course
        self._deliver = deliver
        self._late: "Any | None" = None
        self._lock = threading.RLock()

    def carry(self, message: Any) -> None:
        if random.random() < self._course.lost:
            return
        with self._lock:
            if self._late is None and random.random() < self._course.swapped:
                self._late = message
                timer = threading.Timer(LATE_SECONDS, self._flush)
                timer.daemon = True
                timer.start()
                return
            self._deliver(message)
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            late, self._late = self._late, None
            if late is not None:
                self._deliver(late)


class SessionAgent:
    def __init__(self, session: Any, on_end: "Callable[[str], None]") -> None:
        self._session = session
        self._on_end = on_end
        self._lock = threading.RLock()
        self._channel: Any = None
        self._out = Carrier(session.course, self._to_channel)
        self._in = Carrier(session.course, self._take)
        self._sequence = 0
        self._unacknowledged: "OrderedDict[int, list[Any]]" = OrderedDict()
        """By sequence number: the message, and when it was sent last."""
        self._expected = 0
        self._early: "dict[int, Message]" = {}
        self._socket: "socket.socket | None" = None
        self._ended = threading.Event()
        self._resend_seconds = FIRST_RESEND_SECONDS
        self._begun = False

    def serve(self, channel: Any) -> None:
        """Until the data channel ends; the session goes on then."""
        with self._lock:
            self._channel = channel
            begins, self._begun = not self._begun, True
        if begins:
            threading.Thread(target=self._resend, daemon=True).start()
            properties = {"portNumber": str(self._session.port), "type": ""}
            action = {
                "ActionType": "SessionType",
                "ActionParameters": {"SessionType": "Port", "Properties": properties},
            }
            request = {"AgentVersion": AGENT_VERSION, "RequestedClientActions": [action]}
            self._send(HANDSHAKE_REQUEST, json.dumps(request).encode())
        try:
            for data in channel:
                if isinstance(data, bytes):
                    self._in.carry(Message.decode(data))
        finally:
            with self._lock:
                if self._channel is channel:
                    self._channel = None

    def end(self, reason: str) -> None:
        self._ended.set()
        self._hang_up()
        text = {
            "MessageType": CLOSED,
            "SessionId": self._session.id,
            "SchemaVersion": 1,
            "Output": reason,
        }
        self._to_channel(Message(CLOSED, json.dumps(text).encode()))
        channel = self._channel
        if channel is not None:
            # The service closes it; the client may be quicker.
            threading.Timer(0.2, channel.close).start()

    def cut(self) -> None:
        """The data channel is gone without a close, as when the network is; the session goes on."""
        channel = self._channel
        if channel is not None:
            channel.socket.shutdown(socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        with self._lock:
            port, self._socket = self._socket, None
        if port is not None:
            try:
                port.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            port.close()

    def _to_channel(self, message: Message) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            channel.send(message.encode())
        except (ConnectionClosed, OSError):
            pass

    def _send(self, payload_type: int, payload: bytes) -> None:
        with self._lock:
            message = Message(OUTPUT, payload, self._sequence, payload_type)
            self._sequence += 1
            self._unacknowledged[message.sequence] = [message, time.monotonic()]
            self._out.carry(message)

    def _resend(self) -> None:
        while not self._ended.wait(RESEND_LOOK_SECONDS):
            with self._lock:
                oldest = next(iter(self._unacknowledged.values()), None)
                now = time.monotonic()
                if oldest is None or self._channel is None or now - oldest[1] < self._resend_seconds:
                    continue
                oldest[1] = now
                self._resend_seconds = min(self._resend_seconds * 2, LONGEST_RESEND_SECONDS)
                self._out.carry(oldest[0])

    def _take(self, message: Message) -> None:
        if message.type == ACKNOWLEDGE:
            with self._lock:
                self._unacknowledged.pop(message.content()["AcknowledgedMessageSequenceNumber"], None)
                self._resend_seconds = FIRST_RESEND_SECONDS
            return
        if message.type != INPUT:
            return
        with self._lock:
            if message.payload_type == DATA and self._socket is None:
                return
            if message.sequence >= self._expected:
                self._early[message.sequence] = message
            in_order = []
            while self._expected in self._early:
                in_order.append(self._early.pop(self._expected))
                self._expected += 1
        self._out.carry(message.acknowledgement())
        for one in in_order:
            self._act(one)

    def _act(self, message: Message) -> None:
        if message.payload_type == HANDSHAKE_RESPONSE:
            complete = {"HandshakeTimeToComplete": 1_000_000, "CustomerMessage": ""}
            self._send(HANDSHAKE_COMPLETE, json.dumps(complete).encode())
            threading.Thread(target=self._connect, daemon=True).start()
        elif message.payload_type == FLAG:
            flag = int.from_bytes(message.payload, "big")
            if flag in (DISCONNECT_TO_PORT, TERMINATE_SESSION):
                self._on_end("")
        elif message.payload_type == DATA and self._socket is not None:
            try:
                self._socket.sendall(message.payload)
            except OSError:
                pass

    def _connect(self) -> None:
        time.sleep(self._session.course.ready_ms / 1000)
        try:
            port = socket.create_connection(("127.0.0.1", self._session.port), DIAL_SECONDS)
        except OSError as error:
            # The words are assumed.
            self._on_end(f"Unable to connect to port {self._session.port} on the instance: {error.strerror}")
            return
        port.settimeout(None)
        with self._lock:
            if self._ended.is_set():
                port.close()
                return
            self._socket = port
        self._forward(port)

    def _forward(self, port: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                data = port.recv(LONGEST_PAYLOAD)
            except OSError:
                break
            if not data:
                break
            self._send(DATA, data)
            time.sleep(PAUSE_SECONDS)
        # All that was said before arrives before the end is told.
        self._settle()
        self._on_end("")

    def _settle(self) -> None:
        give_up = time.monotonic() + DIAL_SECONDS
        while self._unacknowledged and self._channel is not None and time.monotonic() < give_up:
            if self._ended.wait(0.01):
                return
