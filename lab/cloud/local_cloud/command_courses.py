"""How commands go, when a test wants other than the ordinary course."""

import threading
from dataclasses import dataclass, field, fields, replace
from typing import Any

DELIVERIES = ("prompt", "delayed", "never", "undeliverable", "terminated")
OUTCOMES = ("succeed", "fail", "hang")
VSS_FAILURES = (
    "freezeTimedOut",
    "thawPipeTimedOut",
    "thawFailed",
    "hangsAfterSnapshots",
    "writerFailed",
    "languageMode",
    "endpointUnreachable",
    "taggingFailed",
    "halfOfVolumes",
    "oneNotConsistent",
    "notConsistent",
)


class StepGate:
    """Commands that come to it wait there, at work."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()


@dataclass(frozen=True)
class Course:
    invisible_ms: float = 0
    """How long nothing but SendCommand knows of the command: eventual consistency."""
    delivery: str = "prompt"
    delivery_ms: float = 20
    """Time in `Pending`, before `delivery` shows."""
    delay_ms: "float | None" = None
    """Time in `Delayed`; None: until the delivery timeout."""
    delivery_timeout_ms: "float | None" = None
    """None: the command's TimeoutSeconds."""
    step_ms: float = 20
    """How long each step works: a package's installation, the freezing, a script."""
    outcome: str = "succeed"
    """Of the step `step`, or of the first."""
    gate: "StepGate | None" = None
    """In the same step, before its outcome."""
    step: "str | None" = None
    execution_timeout_ms: "float | None" = None
    """None: the document's own parameter."""
    ignores_cancel: bool = False
    """It goes on in `Cancelling`: "There is no guarantee that the command will be terminated"."""
    vss: "str | None" = None
    tags_snapshots_of_image: bool = False
    """With CreateAmi the document tags the image alone; here its snapshots too. See `vss_documents.py`."""
    freeze_window_ms: float = 10_000
    """"The Windows VSS Framework provides a non-configurable 10-second window"; shorter only to spare tests time."""
    output: "str | None" = None
    """Printed by the step in place of its own output."""
    error_output: "str | None" = None

    def __post_init__(self) -> None:
        if self.delivery not in DELIVERIES:
            raise ValueError(f"no such delivery: {self.delivery}")
        if self.outcome not in OUTCOMES:
            raise ValueError(f"no such outcome: {self.outcome}")
        if self.vss is not None and self.vss not in VSS_FAILURES:
            raise ValueError(f"no such VSS failure: {self.vss}")

    def means(self, step: str, index: int) -> bool:
        """Whether `outcome` and `gate` are of this step."""
        return self.step == step if self.step is not None else index == 0


@dataclass
class Rule:
    changes: "dict[str, Any]"
    document: "str | None" = None
    instance_id: "str | None" = None
    parameters: "dict[str, str]" = field(default_factory=dict)
    """Only commands that carry these values, such as `action`: `Uninstall`."""
    times: "int | None" = None
    skip: int = 0

    def takes(self, document: str, instance_id: str, parameters: "dict[str, list[str]]") -> bool:
        """Whether the rule meets this command; counts it."""
        met = (
            self.document in (None, document)
            and self.instance_id in (None, instance_id)
            and all(parameters.get(name) == [value] for name, value in self.parameters.items())
        )
        if not met or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Courses:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: "list[Rule]" = []
        self._gates: "list[StepGate]" = []

    def reset(self) -> None:
        with self._lock:
            self._rules.clear()
            for gate in self._gates:
                gate.released.set()
            self._gates.clear()

    def add_gate(self, step: "str | None", match: "dict[str, Any]") -> int:
        gate = StepGate()
        self.add({"gate": gate, "step": step}, **match)
        with self._lock:
            self._gates.append(gate)
            return len(self._gates) - 1

    def gate(self, number: int) -> StepGate:
        with self._lock:
            return self._gates[number]

    def add(self, changes: "dict[str, Any]", **match: Any) -> None:
        known = {one.name for one in fields(Course)}
        for name in changes.keys() - known:
            raise ValueError(f"no such setting of a command's course: {name}")
        replace(Course(), **changes)
        with self._lock:
            self._rules.append(Rule(changes, **match))

    def of(self, document: str, instance_id: str, parameters: "dict[str, list[str]]") -> Course:
        """All rules that meet the command apply, in the order in which they were made."""
        course = Course()
        with self._lock:
            for rule in self._rules:
                if rule.takes(document, instance_id, parameters):
                    course = replace(course, **rule.changes)
        return course
