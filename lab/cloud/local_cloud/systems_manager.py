"""
AWS Systems Manager, as far as Run Command and Session Manager reach: managed instances, commands, cancellation, sessions.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html and its neighbours.
"""

import json
import threading
from typing import Any, Callable

from moto.ssm.exceptions import SSMException
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model
from moto.ec2.models import ec2_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from .agent import Agent
from .command_courses import Courses
from .commands import Command, Invocation, Step
from .documents import CATALOGUE, Document
from .instance_role import VSS_SNAPSHOT_POLICY, InstanceRole, role_key
from .managed_instances import ManagedInstance
from .powershell import Responders
from .sessions import Sessions

LONGEST_COMMENT = 100
SHORTEST_TIMEOUT = 30
DEFAULT_TIMEOUT = 3600
MOST_RESULTS = 50
VERSIONS = ("$DEFAULT", "$LATEST")


class SystemsManager:
    def __init__(self, cloud: Any) -> None:
        self._cloud = cloud
        self.changed = threading.Condition(cloud.acting)
        """Notified at each change of a command's state."""
        self.courses = Courses()
        self.responders = Responders()
        self.sessions = Sessions(cloud.acting)
        self.api_port = 0
        self._instances: "dict[str, ManagedInstance]" = {}
        self._commands: "dict[str, Command]" = {}
        self._roles: "dict[str, list[InstanceRole]]" = {}
        self._missing_documents: "set[tuple[str, str]]" = set()

    def reset(self) -> None:
        """Hung commands end as cancelled; locks that a test held are let go; instances and packages stay."""
        self.courses.reset()
        self.responders.reset()
        self.sessions.reset()
        with self.changed:
            self._missing_documents.clear()
            for instance in self._instances.values():
                self._cloud.permissions.set_role(instance.role_key, VSS_SNAPSHOT_POLICY)
                instance.components.busy_with = None
            for command in self._commands.values():
                for invocation, role in zip(command.invocations, self._roles[command.id]):
                    if not invocation.ended:
                        invocation.abandoned.set()
                        invocation.cancelled.set()
                        role.cut()

    def manage(self, account_id: str, region: str, instance_id: str) -> ManagedInstance:
        """The instance as it is managed already, or newly so."""
        if instance_id not in self._instances:
            # Loaded at the first request otherwise, which is somebody's who measures times.
            get_service_model("ssm")
            key = role_key(instance_id)
            self._cloud.credentials.add_instance_role(key, account_id)
            self._cloud.permissions.set_role(key, VSS_SNAPSHOT_POLICY)
            self._instances[instance_id] = ManagedInstance(
                account_id, region, instance_id, _state_of(account_id, region, instance_id), key
            )
        return self._instances[instance_id]

    def managed(self, instance_id: str) -> ManagedInstance:
        if instance_id not in self._instances:
            raise ValueError(f"Systems Manager does not manage {instance_id}")
        return self._instances[instance_id]

    def unmanage(self, instance_id: str) -> None:
        self._instances.pop(instance_id, None)

    def set_document(self, region: str, name: str, exists: bool) -> None:
        if name not in CATALOGUE:
            raise ValueError(f"no such document: {name}")
        change = self._missing_documents.discard if exists else self._missing_documents.add
        change((region, name))

    def all_commands(self) -> "list[Command]":
        return list(self._commands.values())

    def _visible(self, account_id: str, region: str, wanted: "dict[str, Any]") -> "list[Invocation]":
        """Invocations, the newest first."""
        return [
            invocation
            for command in reversed(self._commands.values())
            for invocation in command.invocations
            if (command.account_id, command.region) == (account_id, region)
            and invocation.visible
            and wanted.get("CommandId") in (None, command.id)
            and wanted.get("InstanceId") in (None, invocation.instance_id)
        ]

    def describe_instances(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        filters = [(one["Key"], one["Values"]) for one in request.get("Filters", [])]
        filters += [(one["key"], one["valueSet"]) for one in request.get("InstanceInformationFilterList", [])]
        found = [
            instance.as_information()
            for instance in self._instances.values()
            if (instance.account_id, instance.region) == (account_id, region)
            and all(instance.meets(key, values) for key, values in filters)
        ]
        return _page("InstanceInformationList", found, request, fewest=5)

    def send(self, account_id: str, region: str, request: "dict[str, Any]") -> Command:
        document = self._document(region, request)
        given = request.get("Parameters", {})
        instances = [self._target(account_id, region, one) for one in _instance_ids(request)]
        _check_request(request)
        document.check(given)
        for instance in instances:
            if instance.platform_type not in document.platforms:
                raise SSMException(
                    "UnsupportedPlatformType", f"{document.name} does not support {instance.platform_type}"
                )
        command = Command(
            account_id,
            region,
            document.name,
            request.get("DocumentVersion", "$DEFAULT"),
            given,
            request.get("Comment", ""),
            request.get("TimeoutSeconds", DEFAULT_TIMEOUT),
        )
        self._commands[command.id] = command
        parameters = document.complete(given)
        self._roles[command.id] = []
        agents = [self._agent(command, document, instance, parameters) for instance in instances]
        for agent in agents:
            agent.start()
        self.changed.notify_all()
        return command

    def _agent(
        self, command: Command, document: Document, instance: ManagedInstance, parameters: "dict[str, list[str]]"
    ) -> Agent:
        course = self.courses.of(document.name, instance.instance_id, parameters)
        steps = [Step(name) for name in document.steps]
        invocation = Invocation(command, instance.instance_id, steps, course)
        command.invocations.append(invocation)
        role = InstanceRole(self.api_port, instance.role_key, command.region)
        self._roles[command.id].append(role)
        return Agent(
            invocation,
            instance,
            document.steps,
            parameters,
            document.seconds(parameters),
            role,
            self.responders,
            self.changed,
            self._cloud.acting,
        )

    def _document(self, region: str, request: "dict[str, Any]") -> Document:
        name = request.get("DocumentName", "")
        document = CATALOGUE.get(name)
        if document is None or (region, name) in self._missing_documents:
            raise SSMException("InvalidDocument", f"Document with name {name} does not exist.")
        version = request.get("DocumentVersion", "$DEFAULT")
        if version not in (*VERSIONS, document.version):
            raise SSMException("InvalidDocumentVersion", f"Document {name} has no version {version}.")
        return document

    def _target(self, account_id: str, region: str, instance_id: str) -> ManagedInstance:
        instance = self._instances.get(instance_id)
        known = instance is not None and (instance.account_id, instance.region) == (account_id, region)
        if not known or (instance.ping != "Online" and instance.refuses_when_unreachable):
            raise _invalid_instance(account_id, instance_id)
        if instance.state() in ("shutting-down", "terminated"):
            raise _invalid_instance(account_id, instance_id)
        return instance

    def get_invocation(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        found = self._visible(account_id, region, request)
        if not found:
            raise SSMException("InvocationDoesNotExist", "")
        [invocation] = found
        name = request.get("PluginName")
        if name is None:
            return invocation.as_result(invocation.steps[0] if len(invocation.steps) == 1 else None)
        step = next((step for step in invocation.steps if step.name == name), None)
        if step is None:
            raise SSMException("InvalidPluginName", f"The plugin name {name} is not valid.")
        return invocation.as_result(step)

    def list_commands(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        commands = {one.command.id: one.command for one in self._visible(account_id, region, request)}
        filters = request.get("Filters", [])
        found = [command.as_listed() for command in commands.values() if command.facts.meet(filters)]
        return _page("Commands", found, request)

    def list_invocations(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        filters, details = request.get("Filters", []), request.get("Details", False)
        found = [
            one.as_listed(with_plugins=details)
            for one in self._visible(account_id, region, request)
            if one.facts.meet(filters)
        ]
        return _page("CommandInvocations", found, request)

    def cancel(self, account_id: str, region: str, request: "dict[str, Any]") -> None:
        command = self._commands.get(request["CommandId"])
        known = command is not None and (command.account_id, command.region) == (account_id, region)
        if not known or not command.visible:
            raise SSMException("InvalidCommandId", f"Command {request['CommandId']} does not exist.")
        wanted = request.get("InstanceIds") or [one.instance_id for one in command.invocations]
        for invocation, role in zip(command.invocations, self._roles[command.id]):
            if invocation.ended or invocation.instance_id not in wanted:
                continue
            invocation.status = invocation.details = "Cancelling"
            if not invocation.course.ignores_cancel:
                invocation.cancelled.set()
                role.cut()
        self.changed.notify_all()

    def start_session(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        return self.sessions.start(self._connected(account_id, region, request["Target"]), request)

    def connection_status(self, account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
        connected = self._connected(account_id, region, request["Target"]) is not None
        return {"Target": request["Target"], "Status": "connected" if connected else "notconnected"}

    def _connected(self, account_id: str, region: str, target: str) -> "ManagedInstance | None":
        instance = self._instances.get(target)
        known = instance is not None and (instance.account_id, instance.region) == (account_id, region)
        return instance if known and instance.ping == "Online" else None

    def install(self) -> None:
        manager = self

        def operation(act: Any) -> Any:
            def respond(self) -> ActionResult:
                answer = act(self.current_account, self.region, json.loads(self.body or "{}"))
                return EmptyResult() if answer is None else ActionResult(answer)

            return respond

        def send(account_id: str, region: str, request: "dict[str, Any]") -> "dict[str, Any]":
            return {"Command": manager.send(account_id, region, request).as_listed()}

        SimpleSystemManagerResponse.describe_instance_information = operation(self.describe_instances)
        SimpleSystemManagerResponse.send_command = operation(send)
        SimpleSystemManagerResponse.get_command_invocation = operation(self.get_invocation)
        SimpleSystemManagerResponse.list_commands = operation(self.list_commands)
        SimpleSystemManagerResponse.list_command_invocations = operation(self.list_invocations)
        SimpleSystemManagerResponse.cancel_command = operation(self.cancel)
        SimpleSystemManagerResponse.start_session = operation(self.start_session)
        SimpleSystemManagerResponse.describe_sessions = operation(self.sessions.describe)
        SimpleSystemManagerResponse.resume_session = operation(self.sessions.resume)
        SimpleSystemManagerResponse.terminate_session = operation(self.sessions.terminate)
        SimpleSystemManagerResponse.get_connection_status = operation(self.connection_status)


def _invalid_instance(account_id: str, instance_id: str) -> SSMException:
    return SSMException(
        "InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account {account_id}"
    )


def _state_of(account_id: str, region: str, instance_id: str) -> "Callable[[], str]":
    return lambda: ec2_backends[account_id][region].get_instance(instance_id).state


def _instance_ids(request: "dict[str, Any]") -> "list[str]":
    ids = request.get("InstanceIds", [])
    if request.get("Targets"):
        raise SSMException("ValidationException", "the local cloud knows no Targets: give InstanceIds")
    if not ids:
        raise SSMException("InvalidInstanceId", "No instances were specified.")
    if len(set(ids)) != len(ids):
        raise SSMException("DuplicateInstanceId", "")
    return ids


def _check_request(request: "dict[str, Any]") -> None:
    if len(request.get("Comment", "")) > LONGEST_COMMENT:
        raise _constraint("comment", f"have length less than or equal to {LONGEST_COMMENT}")
    if request.get("TimeoutSeconds", DEFAULT_TIMEOUT) < SHORTEST_TIMEOUT:
        raise _constraint("timeoutSeconds", f"have value greater than or equal to {SHORTEST_TIMEOUT}")


def _constraint(name: str, rule: str) -> SSMException:
    return SSMException(
        "ValidationException",
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must {rule}",
    )


def _page(name: str, found: "list[Any]", request: "dict[str, Any]", fewest: int = 1) -> "dict[str, Any]":
    size = request.get("MaxResults", MOST_RESULTS)
    if not fewest <= size <= MOST_RESULTS:
        raise _constraint("maxResults", f"be between {fewest} and {MOST_RESULTS}")
    start = int(request.get("NextToken") or 0)
    end = start + size
    return {name: found[start:end], **({"NextToken": str(end)} if end < len(found) else {})}
