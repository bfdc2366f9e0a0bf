"""The agent on an instance: has a command delivered, carries out its steps one after the other, reports."""

import math
import threading
import time
import traceback
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable

from .command_courses import Course
from .commands import Invocation, Step
from .instance_role import InstanceRole, RoleError
from .managed_instances import ManagedInstance
from .powershell import Responders

POLL_SECONDS = 0.02
DEFAULT_STEP_SECONDS = 3600


class Cancelled(Exception):
    pass


class TimedOut(Exception):
    pass


class Run:
    """One step at work, and what its document's code may do."""

    def __init__(self, agent: "Agent", step: Step, meant: bool, seconds: float) -> None:
        self._invocation = agent.invocation
        self._step = step
        self._outcome = agent.invocation.course.outcome if meant else "succeed"
        self._gate = agent.invocation.course.gate if meant else None
        self._deadline = time.monotonic() + seconds
        self.acting = agent.acting
        self.instance = agent.instance
        self.responders = agent.responders
        self.course = agent.invocation.course
        self.parameters = agent.parameters
        self._role = agent.role

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, [""])[0]

    def print(self, line: str) -> None:
        self._step.stdout += line + "\n"

    def print_error(self, line: str) -> None:
        self._step.stderr += line + "\n"

    def work(self, interruptible: bool = True) -> str:
        """Takes its time. @returns `succeed` or `fail`, as the command's course wants it"""
        if self._gate is not None:
            self._gate.reached.set()
            while not self._gate.released.is_set():
                self.wait(POLL_SECONDS, interruptible)
        hangs = self._outcome == "hang"
        self.wait(None if hangs else self.course.step_ms / 1000, interruptible)
        return self._outcome

    def hang(self) -> None:
        self.wait(None)

    def wait(self, seconds: "float | None", interruptible: bool = True) -> None:
        left = self._deadline - time.monotonic()
        ends = self._invocation.cancelled if interruptible else self._invocation.abandoned
        if ends.wait(max(0, left if seconds is None else min(seconds, left))):
            raise Cancelled
        if seconds is None or seconds > left:
            raise TimedOut

    def ec2(self, operation: str, limit_seconds: float = math.inf, **parameters: Any) -> ElementTree.Element:
        """With the instance's role; not repeated when it fails."""
        self.check()
        seconds = max(min(limit_seconds, self._deadline - time.monotonic()), 0.001)
        try:
            return self._role.call(operation, seconds, **parameters)
        except RoleError:
            # Ended from outside: that is what counts then.
            self.check()
            raise

    def check(self) -> None:
        """Between two things done: a cancelled command does no more."""
        self.wait(0)


class Agent:
    def __init__(
        self,
        invocation: Invocation,
        instance: ManagedInstance,
        steps: "dict[str, Callable[[Any], int]]",
        parameters: "dict[str, list[str]]",
        seconds: float,
        role: InstanceRole,
        responders: Responders,
        changed: threading.Condition,
        acting: Any,
    ) -> None:
        self.invocation = invocation
        self.instance = instance
        self.parameters = parameters
        self.role = role
        self.responders = responders
        self.acting = acting
        self._steps = steps
        self._seconds = seconds
        self._changed = changed

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            if self._deliver():
                self._carry_out()
        except Cancelled:
            self._end("Cancelled", "Cancelled")

    @property
    def _course(self) -> Course:
        return self.invocation.course

    def _set(self, status: str, details: str) -> None:
        with self._changed:
            # While it is being cancelled only an end is news.
            if self.invocation.status != "Cancelling":
                self.invocation.status, self.invocation.details = status, details
            self._changed.notify_all()

    def _end(self, status: str, details: str) -> None:
        with self._changed:
            self.invocation.status, self.invocation.details = status, details
            self._changed.notify_all()

    def _sleep(self, milliseconds: float) -> None:
        if self.invocation.cancelled.wait(milliseconds / 1000):
            raise Cancelled

    def _deliver(self) -> bool:
        course = self._course
        self._sleep(course.delivery_ms)
        if course.delivery == "never":
            self.invocation.cancelled.wait()
            raise Cancelled
        if course.delivery == "undeliverable":
            self._end("Failed", "Undeliverable")
            return False
        if course.delivery == "terminated":
            self._end("Failed", "Terminated")
            return False
        return self._reach()

    def _reach(self) -> bool:
        """Waits in `Delayed` while the agent cannot be reached, until the delivery timeout."""
        course = self._course
        limit = course.delivery_timeout_ms
        if limit is None:
            limit = self.invocation.command.timeout_seconds * 1000
        began = time.monotonic()
        while self._unreachable((time.monotonic() - began) * 1000):
            if (time.monotonic() - began) * 1000 >= limit:
                self._end("TimedOut", "DeliveryTimedOut")
                return False
            if self.invocation.status == "Pending":
                self._set("Delayed", "Delayed")
            self._sleep(POLL_SECONDS * 1000)
        return True

    def _unreachable(self, elapsed_ms: float) -> bool:
        course = self._course
        delayed = course.delivery == "delayed" and (course.delay_ms is None or elapsed_ms < course.delay_ms)
        return delayed or self.instance.ping != "Online"

    def _carry_out(self) -> None:
        self._set("InProgress", "InProgress")
        names = list(self._steps)
        for index, step in enumerate(self.invocation.steps):
            seconds = self._seconds if index == len(names) - 1 else DEFAULT_STEP_SECONDS
            if self._course.execution_timeout_ms is not None:
                seconds = self._course.execution_timeout_ms / 1000
            run = Run(self, step, self._course.means(step.name, index), seconds)
            status, details = self._carry_out_step(step, run)
            if status != "Success":
                self._end(status, details)
                return
        self._end("Success", "Success")

    def _carry_out_step(self, step: Step, run: Run) -> "tuple[str, str]":
        with self._changed:
            step.start()
            self._changed.notify_all()
        try:
            run.check()
            exit_code = self._steps[step.name](run)
            status = details = "Success" if exit_code == 0 else "Failed"
        except Cancelled:
            # Exit codes of an ended step: assumed.
            status, details, exit_code = "Cancelled", "Cancelled", 1
        except TimedOut:
            status, details, exit_code = "TimedOut", "ExecutionTimedOut", 1
        except Exception:
            # stderr is shown by whoever started the cloud: a gap here must not look like a fault of AWS.
            traceback.print_exc()
            run.print_error("the local cloud failed: see its stderr")
            status, details, exit_code = "Failed", "Failed", 1
        with self._changed:
            if self._course.output is not None:
                step.stdout = self._course.output
            if self._course.error_output is not None:
                step.stderr = self._course.error_output
            step.end(status, details, exit_code)
        return status, details
