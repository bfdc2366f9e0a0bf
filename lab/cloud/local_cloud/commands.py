"""
Commands, their invocations on instances and the steps of these, as the API shows them.
https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
"""

import datetime
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from .command_courses import Course

# API references of GetCommandInvocation and of CommandPlugin: what is longer is cut off.
LONGEST_STDOUT = 24_000
LONGEST_STDERR = 8_000
LONGEST_PLUGIN_OUTPUT = 2_500
NOT_STARTED = -1
ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


@dataclass
class Step:
    name: str
    """What the API calls PluginName."""
    status: str = "Pending"
    details: str = "Pending"
    response_code: int = NOT_STARTED
    stdout: str = ""
    stderr: str = ""
    started: "datetime.datetime | None" = None
    finished: "datetime.datetime | None" = None

    def start(self) -> None:
        self.status, self.details, self.started = "InProgress", "InProgress", now()

    def end(self, status: str, details: str, response_code: int) -> None:
        self.status, self.details, self.response_code, self.finished = status, details, response_code, now()

    def shown_output(self) -> "tuple[str, str]":
        """"If the command hasn't finished running ... then this string is empty"."""
        if self.finished is None:
            return "", ""
        return self.stdout[:LONGEST_STDOUT], self.stderr[:LONGEST_STDERR]

    def as_plugin(self) -> "dict[str, Any]":
        stdout, stderr = self.shown_output()
        error = f"\n----------ERROR-------\n{stderr}" if stderr else ""
        return {
            "Name": self.name,
            "Status": self.status,
            "StatusDetails": self.details,
            "ResponseCode": self.response_code,
            "ResponseStartDateTime": self.started,
            "ResponseFinishDateTime": self.finished,
            "Output": (stdout + error)[:LONGEST_PLUGIN_OUTPUT],
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
        }


@dataclass
class Invocation:
    command: "Command"
    instance_id: str
    steps: "list[Step]"
    course: Course
    status: str = "Pending"
    details: str = "Pending"
    cancelled: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    """Ends also what a cancellation does not: for a reset."""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def visible(self) -> bool:
        return (time.monotonic() - self.command.sent_at) * 1000 >= self.course.invisible_ms

    @property
    def facts(self) -> "Facts":
        command = self.command
        return Facts(command.requested, (self.status, self.details), command.document_name, self.ended)

    def as_listed(self, with_plugins: bool) -> "dict[str, Any]":
        command = self.command
        return {
            "CommandId": command.id,
            "InstanceId": self.instance_id,
            "InstanceName": "",
            "Comment": command.comment,
            "DocumentName": command.document_name,
            "DocumentVersion": command.document_version,
            "RequestedDateTime": command.requested,
            "Status": self.status,
            "StatusDetails": self.details,
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "CommandPlugins": [step.as_plugin() for step in self.steps] if with_plugins else [],
        }

    def as_result(self, step: "Step | None") -> "dict[str, Any]":
        """Without a step (a document of several, none named): the whole, and no output."""
        command = self.command
        stdout, stderr = step.shown_output() if step else ("", "")
        started = step.started if step else None
        finished = step.finished if step else None
        return {
            "CommandId": command.id,
            "InstanceId": self.instance_id,
            "Comment": command.comment,
            "DocumentName": command.document_name,
            "DocumentVersion": command.document_version,
            "PluginName": step.name if step else "",
            "ResponseCode": step.response_code if step else NOT_STARTED,
            "ExecutionStartDateTime": _iso(started),
            "ExecutionElapsedTime": f"PT{(finished - started).total_seconds()}S" if started and finished else "",
            "ExecutionEndDateTime": _iso(finished),
            "Status": step.status if step and finished else self.status,
            "StatusDetails": step.details if step and finished else self.details,
            "StandardOutputContent": stdout,
            "StandardOutputUrl": "",
            "StandardErrorContent": stderr,
            "StandardErrorUrl": "",
        }


@dataclass
class Command:
    account_id: str
    region: str
    document_name: str
    document_version: str
    parameters: "dict[str, list[str]]"
    comment: str
    timeout_seconds: int
    invocations: "list[Invocation]" = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested: datetime.datetime = field(default_factory=now)
    sent_at: float = field(default_factory=time.monotonic)

    @property
    def visible(self) -> bool:
        return any(invocation.visible for invocation in self.invocations)

    @property
    def ended(self) -> bool:
        return all(invocation.ended for invocation in self.invocations)

    @property
    def status(self) -> "tuple[str, str]":
        """The worst of the ended ones, once all have; one that has not otherwise."""
        going_on = [one for one in self.invocations if not one.ended]
        if going_on:
            begun = [one for one in going_on if one.status not in ("Pending", "Delayed")]
            none_begun = not begun and len(going_on) == len(self.invocations)
            status = begun[0].status if begun else "Pending" if none_begun else "InProgress"
            return status, status
        worst = max(self.invocations, key=lambda one: ENDED.index(one.status))
        return worst.status, worst.details

    @property
    def facts(self) -> "Facts":
        return Facts(self.requested, self.status, self.document_name, self.ended)

    def as_listed(self) -> "dict[str, Any]":
        status, details = self.status
        statuses = [one.status for one in self.invocations]
        return {
            "CommandId": self.id,
            "DocumentName": self.document_name,
            "DocumentVersion": self.document_version,
            "Comment": self.comment,
            "ExpiresAfter": self.requested + datetime.timedelta(seconds=self.timeout_seconds),
            "Parameters": self.parameters,
            "InstanceIds": [one.instance_id for one in self.invocations],
            "Targets": [],
            "RequestedDateTime": self.requested,
            "Status": status,
            "StatusDetails": details,
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": "",
            "MaxConcurrency": "50",
            "MaxErrors": "0",
            "TargetCount": len(statuses),
            "CompletedCount": sum(one.ended for one in self.invocations),
            "ErrorCount": statuses.count("Failed") + statuses.count("TimedOut"),
            "DeliveryTimedOutCount": sum(one.details == "DeliveryTimedOut" for one in self.invocations),
            "TimeoutSeconds": self.timeout_seconds,
        }


@dataclass(frozen=True)
class Facts:
    """What filters ask about; of a command or of an invocation."""

    requested: datetime.datetime
    statuses: "tuple[str, str]"
    document: str
    ended: bool

    def meet(self, filters: "list[dict[str, str]]") -> bool:
        return all(self._meet(one["key"], one["value"]) for one in filters)

    def _meet(self, key: str, value: str) -> bool:
        if key == "InvokedAfter":
            return self.requested >= _time(value)
        if key == "InvokedBefore":
            return self.requested < _time(value)
        if key == "Status":
            return value in self.statuses
        if key == "DocumentName":
            return value == self.document
        return self.ended == (value == "Complete")


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _iso(time_: "datetime.datetime | None") -> str:
    return time_.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if time_ else ""
