"""
Session Manager: sessions by AWS-StartSSHSession, and the data channels through which clients reach the agents.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html and its neighbours.
"""

import secrets
import threading
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from moto.core.utils import utcnow
from moto.ssm.exceptions import SSMException
from moto.utilities.utils import get_partition
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from .iam_policy import USER_ID
from .session_agent import SessionAgent

DOCUMENT = "AWS-StartSSHSession"
OPEN_SECONDS = 20
PATH = "/v1/data-channel/"


@dataclass(frozen=True)
class SessionCourse:
    """How sessions go, when a test wants other than the ordinary course."""

    swapped: float = 0.02
    """Of the messages each way, this part comes behind its successor."""
    lost: float = 0
    """Of the messages each way, this part is lost, until it is sent again."""
    ready_ms: float = 5
    """Until the agent is connected to the port: meanwhile it takes no data, and does not acknowledge them either."""
    longest_ms: "float | None" = None
    """The maximum duration that the account has set."""
    refuses_token: bool = False
    """The first one has expired when it is used."""


@dataclass
class Session:
    account_id: str
    region: str
    target: str
    port: int
    course: SessionCourse
    reason: str = ""
    started: "datetime" = field(default_factory=utcnow)
    id: str = field(default_factory=lambda: f"{USER_ID}-{secrets.token_hex(9)[:17]}")
    token: str = field(default_factory=lambda: secrets.token_urlsafe(64))
    renewed: bool = False
    """ResumeSession has given another token."""
    state: str = "Connected"
    agent: "SessionAgent | None" = None
    clients: int = 0
    """Data channels that are open."""
    opened: int = 0
    """Data channels that were ever opened."""


class Sessions:
    def __init__(self, acting: Any) -> None:
        self.changed = threading.Condition(acting)
        """Notified at each change of a session's state."""
        self._sessions: "dict[str, Session]" = {}
        self._course = SessionCourse()
        self._server: "Server | None" = None

    def reset(self) -> None:
        """Sessions end; how they go is ordinary again."""
        self._course = SessionCourse()
        for session in list(self._sessions.values()):
            self.end(session, "")

    def set_course(self, changes: "dict[str, Any]") -> None:
        for name in changes.keys() - {one.name for one in fields(SessionCourse)}:
            raise ValueError(f"no such setting of a session's course: {name}")
        self._course = replace(SessionCourse(), **changes)

    def all(self) -> "list[Session]":
        return list(self._sessions.values())

    def start(self, instance: Any, request: "dict[str, Any]") -> "dict[str, Any]":
        """:param instance: the managed instance; None where Systems Manager knows none, or does not reach it"""
        target = request["Target"]
        if instance is None:
            raise SSMException("TargetNotConnected", f"{target} is not connected.")
        if request.get("DocumentName") != DOCUMENT:
            raise SSMException("InvalidDocument", f"the local cloud knows {DOCUMENT} only")
        [port] = request.get("Parameters", {}).get("portNumber", ["22"])
        reason = request.get("Reason", "")
        session = Session(instance.account_id, instance.region, target, int(port), self._course, reason)
        self._sessions[session.id] = session
        if session.course.longest_ms is not None:
            text = "Session terminated because it reached the maximum session duration"
            timer = threading.Timer(session.course.longest_ms / 1000, self.end, (session, text))
            timer.daemon = True
            timer.start()
        return self._answer(session)

    def resume(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        session = self._find(account_id, region, request)
        if session.state != "Connected":
            # Documented: no token for a session that cannot be resumed.
            return {"SessionId": session.id}
        session.token = secrets.token_urlsafe(64)
        session.renewed = True
        return self._answer(session)

    def describe(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        """
        https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeSessions.html. That a session is shown
        from the moment on that it was started is assumed.
        """
        active = request["State"] == "Active"
        wanted = {one["key"]: one["value"] for one in request.get("Filters", [])}
        for name in wanted.keys() - {"Target", "SessionId"}:
            raise SSMException("InvalidFilterKey", f"the local cloud knows no filter {name}")
        found = [
            {
                "SessionId": session.id,
                "Target": session.target,
                "Status": session.state,
                "StartDate": session.started,
                "DocumentName": DOCUMENT,
                "Owner": f"arn:{get_partition(region)}:sts::{account_id}:assumed-role/{USER_ID}",
                **({"Reason": session.reason} if session.reason else {}),
            }
            for session in self._sessions.values()
            if (session.account_id, session.region) == (account_id, region)
            and (session.state == "Connected") == active
            and wanted.get("Target", session.target) == session.target
            and wanted.get("SessionId", session.id) == session.id
        ]
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 200)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {"Sessions": found[start:end], **more}

    def terminate(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        session = self._find(account_id, region, request)
        self.end(session, "Your session has been terminated")
        return {"SessionId": session.id}

    def end(self, session: Session, reason: str) -> None:
        with self.changed:
            if session.state == "Terminated":
                return
            session.state = "Terminated"
            self.changed.notify_all()
        if session.agent is not None:
            session.agent.end(reason)

    def _find(self, account_id: str, region: str, request: "dict[str, Any]") -> Session:
        session = self._sessions.get(request["SessionId"])
        if session is None or (session.account_id, session.region) != (account_id, region):
            raise SSMException("DoesNotExistException", f"Session {request['SessionId']} does not exist")
        return session

    def _answer(self, session: Session) -> "dict[str, Any]":
        url = f"ws://127.0.0.1:{self._port()}{PATH}{session.id}?role=publish_subscribe"
        return {"SessionId": session.id, "TokenValue": session.token, "StreamUrl": url}

    def _port(self) -> int:
        if self._server is None:
            self._server = serve(self._talk, "127.0.0.1", 0, compression=None, max_size=None, open_timeout=OPEN_SECONDS)
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.socket.getsockname()[1]

    def _talk(self, channel: ServerConnection) -> None:
        session = self._sessions.get(urlsplit(channel.request.path).path.removeprefix(PATH))
        try:
            if session is None or not self._admits(session, channel.recv(timeout=OPEN_SECONDS)):
                channel.close(1008, "invalid token")
                return
            self._serve(session, channel)
        except (ConnectionClosed, TimeoutError):
            pass

    @staticmethod
    def _admits(session: Session, first: Any) -> bool:
        expired = session.course.refuses_token and not session.renewed
        if expired or session.state != "Connected" or not isinstance(first, str):
            return False
        return f'"TokenValue":"{session.token}"' in first.replace('": "', '":"')

    def _serve(self, session: Session, channel: ServerConnection) -> None:
        with self.changed:
            session.clients += 1
            session.opened += 1
            if session.agent is None:
                session.agent = SessionAgent(session, lambda reason: self.end(session, reason))
            self.changed.notify_all()
        try:
            session.agent.serve(channel)
        finally:
            with self.changed:
                session.clients -= 1
                self.changed.notify_all()
