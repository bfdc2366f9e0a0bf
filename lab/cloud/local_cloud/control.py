"""What tests tell the cloud: `POST /__control/<name>` with JSON, on a port of its own."""

import json
import re
import threading
import traceback
from http.server import ThreadingHTTPServer
from typing import Any

from moto.ec2.models import ec2_backends

from . import instances, inventory
from .cloud import Cloud
from .commands import Command
from .faults import Fault
from .journal import as_json
from .managed_instances import ManagedInstance
from .permissions import Denial
from .powershell import Responder
from .quiet_handler import QuietHandler
from .sessions import Session
from .server import ApiServer
from .volume_contents import Range

PREFIX = "/__control/"
METADATA_KEYS = re.compile(r"/(i-[0-9a-f]+)/latest/meta-data/managed-ssh-keys/active-keys/([^/]+)/")


class Control:
    """Each public method is one command; its arguments are the members of the JSON object."""

    def __init__(self, cloud: Cloud, api: ApiServer) -> None:
        self._cloud = cloud
        self._api = api

    def _account(self, account_id: "str | None") -> str:
        return account_id or self._cloud.credentials.account_of("")

    def _find(self, region: str, instance_id: str, account_id: "str | None" = None) -> "tuple[Any, Any]":
        return instances.find(self._account(account_id), region, instance_id)

    def create_instance(self, account_id: "str | None" = None, **description: Any) -> Any:
        with self._cloud.acting:
            return instances.create_instance(self._account(account_id), **description)

    def inventory(self) -> Any:
        with self._cloud.acting:
            return inventory.inventory(self._account(None))

    def restore(self, regions: "dict[str, Any]") -> None:
        with self._cloud.acting:
            inventory.restore(self._account(None), regions)

    def set_instance_state(self, region: str, instance_id: str, state: str, reason: "str | None" = None) -> None:
        with self._cloud.acting:
            instances.set_state(self._find(region, instance_id)[1], state, reason)

    def set_instance_started(self, region: str, instance_id: str, seconds_ago: float) -> None:
        with self._cloud.acting:
            instances.set_started(self._find(region, instance_id)[1], seconds_ago)

    def set_console_output(self, region: str, instance_id: str, text: "str | None") -> None:
        with self._cloud.acting:
            self._find(region, instance_id)[1].console_output = text

    def attach_new_volume(self, region: str, instance_id: str, volume: "dict[str, Any]") -> Any:
        with self._cloud.acting:
            backend, instance = self._find(region, instance_id)
            used = instance.block_device_mapping
            device = volume.get("device") or next(n for n in instances.device_names() if n not in used)
            return {
                "device": device,
                "volumeId": instances.attach_new_volume(backend, instance, device, volume, root=False),
            }

    def attach_volume(self, region: str, instance_id: str, volume_id: str, device: "str | None" = None) -> Any:
        with self._cloud.acting:
            backend, instance = self._find(region, instance_id)
            used = instance.block_device_mapping
            name = device or next(n for n in instances.device_names() if n not in used)
            backend.attach_volume(volume_id, instance_id, name)
            return {"device": name, "volumeId": volume_id}

    def detach_volume(self, region: str, instance_id: str, volume_id: str) -> None:
        with self._cloud.acting:
            self._find(region, instance_id)[0].detach_volume(volume_id, instance_id, None)

    def give_contents(self, volume_id: str, file: str, offset: int, length: int) -> None:
        with self._cloud.acting:
            self._cloud.volume_contents.give(volume_id, Range(file, offset, length))

    def address_of(self, region: str, instance_id: str) -> "str | None":
        """None: it is terminated, and its address may be somebody else's."""
        with self._cloud.acting:
            instance = self._find(region, instance_id)[1]
            return None if instance.state == "terminated" else instance.private_ip_address

    def hide_launches(self, milliseconds: float) -> None:
        self._cloud.late_launches.hide(milliseconds)

    def await_launch(self, skip: int, seconds: float) -> Any:
        return self._cloud.launches_seen.after(skip, seconds)

    def configure_snapshots(self, instance_id: "str | None" = None, **changes: Any) -> None:
        self._cloud.snapshots.configure(instance_id, **changes)

    def set_snapshot_limits(self, account_limit: "int | None", volume_interval_ms: float) -> None:
        self._cloud.snapshots.account_limit = account_limit
        self._cloud.snapshots.volume_interval_ms = volume_interval_ms

    def _snapshots(self, region: str, snapshot_ids: "list[str]") -> "list[Any]":
        backend = ec2_backends[self._account(None)][region]
        return [backend.get_snapshot(snapshot_id) for snapshot_id in snapshot_ids]

    def complete_snapshots(self, region: str, snapshot_ids: "list[str]") -> None:
        with self._cloud.acting:
            for snapshot in self._snapshots(region, snapshot_ids):
                snapshot._progress.complete()

    def fail_snapshots(self, region: str, snapshot_ids: "list[str]", message: str) -> None:
        with self._cloud.acting:
            for snapshot in self._snapshots(region, snapshot_ids):
                snapshot._progress.fail(message)

    def delete_snapshots(self, region: str, snapshot_ids: "list[str]") -> None:
        with self._cloud.acting:
            backend = ec2_backends[self._account(None)][region]
            for snapshot in self._snapshots(region, snapshot_ids):
                del backend.snapshots[snapshot.id]
                backend.tags.pop(snapshot.id, None)
                snapshot.discard_contents()

    def snapshots(self, region: str, volume_ids: "list[str] | None" = None) -> Any:
        with self._cloud.acting:
            backend = ec2_backends[self._account(None)][region]
            return [
                {
                    "snapshotId": one.id,
                    "volumeId": one.volume_id,
                    "state": one.status,
                    "progress": one.progress,
                    "startTime": one.start_time.isoformat(timespec="milliseconds") + "Z",
                    "description": one.description,
                    "tags": dict(backend.tags.get(one.id, {})),
                }
                for one in backend.snapshots.values()
                if volume_ids is None or one.volume_id in volume_ids
            ]

    def let_images_linger(self, holds_ms: float, seen_ms: float) -> None:
        self._cloud.images.linger(holds_ms, seen_ms)

    def pass_time_of_locks(self, hours: float) -> None:
        self._cloud.locks.pass_time(hours)

    def set_recycle_bin(self, retains: bool, shows: bool, recovering_ms: float) -> None:
        recycle_bin = self._cloud.recycle_bin
        recycle_bin.retains, recycle_bin.shows, recycle_bin.recovering_ms = retains, shows, recovering_ms

    def add_fault(self, **description: Any) -> int:
        return self._cloud.faults.add(Fault(**description))

    def await_fault(self, number: int, count: int, seconds: float) -> Any:
        call = self._cloud.faults.get(number).wait_until_met(count, seconds)
        return None if call is None else as_json(call)

    def release_fault(self, number: int) -> None:
        self._cloud.faults.get(number).released.set()

    def deny(self, **description: Any) -> None:
        self._cloud.permissions.deny(Denial(**description))

    def allow_only(self, actions: "list[str] | None") -> None:
        self._cloud.permissions.allow_only(actions)

    def allow_policy(self, statements: "list[dict[str, Any]] | None") -> None:
        self._cloud.permissions.allow_policy(statements)

    def expire_credentials(self, access_key_id: "str | None" = None) -> None:
        self._cloud.credentials.expire(access_key_id)

    def pass_time_of_keys(self, seconds: float) -> None:
        self._cloud.instance_connect.pass_time(seconds)

    def sent_keys(self, instance_id: str, user: str) -> "list[str]":
        return self._cloud.instance_connect.keys(instance_id, user)

    def create_connect_endpoint(self, region: str, changes: "dict[str, Any]") -> Any:
        with self._cloud.acting:
            return self._cloud.connect_endpoints.create(self._account(None), region, changes)

    def secret_of(self, access_key_id: str) -> "str | None":
        """None: nobody has been given it, or it has expired."""
        return self._cloud.credentials.secret_of(access_key_id)

    def set_account(self, account_id: str, access_key_id: "str | None" = None) -> None:
        self._cloud.credentials.set_account(account_id, access_key_id)

    def set_role_duration(self, seconds: "int | None") -> None:
        self._cloud.credentials.set_role_duration(seconds)

    def throttle(self, operation: str, rate: float, burst: float) -> None:
        self._cloud.throttle.limit(operation, rate, burst)

    def set_latency(self, operation: str, before: float, after: float) -> None:
        self._cloud.latency.set(operation, before, after)

    def set_clock(self, offset_ms: float, ec2_code: str) -> None:
        self._cloud.clock.set(offset_ms, ec2_code)

    def set_idle_limit(self, milliseconds: "float | None") -> None:
        self._api.idle_s = None if milliseconds is None else milliseconds / 1000

    def manage_instance(
        self, region: str, instance_id: str, account_id: "str | None", changes: "dict[str, Any]"
    ) -> Any:
        with self._cloud.acting:
            self._find(region, instance_id, account_id)
            instance = self._cloud.systems_manager.manage(self._account(account_id), region, instance_id)
            instance.change(changes)
            return _managed(instance)

    def unmanage_instance(self, instance_id: str) -> None:
        with self._cloud.acting:
            self._cloud.systems_manager.unmanage(instance_id)

    def managed_instance(self, instance_id: str) -> Any:
        with self._cloud.acting:
            return _managed(self._cloud.systems_manager.managed(instance_id))

    def change_components(self, instance_id: str, changes: "dict[str, Any]") -> None:
        with self._cloud.acting:
            components = self._cloud.systems_manager.managed(instance_id).components
            for name, value in changes.items():
                setattr(components, name, value)

    def set_instance_role(self, instance_id: str, actions: "list[str]") -> None:
        instance = self._cloud.systems_manager.managed(instance_id)
        self._cloud.permissions.set_role(instance.role_key, actions)

    def set_document(self, region: str, name: str, exists: bool) -> None:
        with self._cloud.acting:
            self._cloud.systems_manager.set_document(region, name, exists)

    def add_course(self, changes: "dict[str, Any]", match: "dict[str, Any]") -> None:
        self._cloud.systems_manager.courses.add(changes, **match)

    def add_step_gate(self, step: "str | None", match: "dict[str, Any]") -> int:
        return self._cloud.systems_manager.courses.add_gate(step, match)

    def await_step_gate(self, number: int, seconds: float) -> bool:
        return self._cloud.systems_manager.courses.gate(number).reached.wait(seconds)

    def release_step_gate(self, number: int) -> None:
        self._cloud.systems_manager.courses.gate(number).released.set()

    def add_responder(self, pattern: str, output: str, error_output: str, exit_code: int) -> None:
        responder = Responder(re.compile(pattern, re.DOTALL), output, error_output, exit_code)
        self._cloud.systems_manager.responders.add(responder)

    def commands(self) -> Any:
        with self._cloud.acting:
            return [_command(command) for command in self._cloud.systems_manager.all_commands()]

    def await_command(
        self,
        command_id: "str | None",
        document: "str | None",
        parameters: "dict[str, str]",
        statuses: "list[str]",
        skip: int,
        seconds: float,
    ) -> Any:
        """The command after the first `skip` that fit, once it is in one of these states; None after the limit."""
        manager = self._cloud.systems_manager

        def reached() -> Any:
            fitting = [
                command
                for command in manager.all_commands()
                if command_id in (None, command.id)
                and document in (None, command.document_name)
                and all(command.parameters.get(name) == [value] for name, value in parameters.items())
            ]
            command = fitting[skip] if len(fitting) > skip else None
            met = command is not None and any(one.status in statuses for one in command.invocations)
            return command if met else None

        with manager.changed:
            command = manager.changed.wait_for(reached, seconds)
            return None if command is None else _command(command)

    def set_session_course(self, changes: "dict[str, Any]") -> None:
        self._cloud.systems_manager.sessions.set_course(changes)

    def sessions(self) -> Any:
        with self._cloud.acting:
            return [_session(session) for session in self._cloud.systems_manager.sessions.all()]

    def end_sessions(self, reason: str) -> None:
        sessions = self._cloud.systems_manager.sessions
        for session in sessions.all():
            sessions.end(session, reason)

    def cut_data_channels(self) -> None:
        sessions = self._cloud.systems_manager.sessions
        open_ones = [one for one in sessions.all() if one.state == "Connected" and one.agent is not None]
        for session in open_ones:
            session.agent.cut()
        with sessions.changed:
            sessions.changed.wait_for(lambda: all(one.clients == 0 for one in open_ones), 10)

    def await_resumed(self, seconds: float) -> bool:
        sessions = self._cloud.systems_manager.sessions
        with sessions.changed:
            return sessions.changed.wait_for(
                lambda: all(one.clients > 0 for one in sessions.all() if one.state == "Connected"), seconds
            )

    def await_no_session(self, seconds: float) -> bool:
        sessions = self._cloud.systems_manager.sessions
        with sessions.changed:
            return sessions.changed.wait_for(
                lambda: all(one.state == "Terminated" and one.clients == 0 for one in sessions.all()), seconds
            )

    def refuse_connections(self) -> None:
        self._api.refuse()

    def accept_connections(self) -> None:
        self._api.accept()

    def calls(self) -> Any:
        return self._cloud.journal.calls()

    def clear_calls(self) -> None:
        self._cloud.journal.clear()

    def reset(self) -> None:
        self._api.accept()
        self._api.idle_s = None
        self._cloud.reset()


def _managed(instance: ManagedInstance) -> "dict[str, Any]":
    return {
        "instanceId": instance.instance_id,
        "roleAccessKeyId": instance.role_key,
        "pingStatus": instance.ping,
        "agentVersion": instance.agent_version,
        "platformType": instance.platform_type,
        "componentsVersion": instance.components.version,
        "providerRegistered": instance.components.provider_registered,
        "busyWith": instance.components.busy_with,
        "frozen": instance.frozen,
    }


def _session(session: Session) -> "dict[str, Any]":
    return {
        "id": session.id,
        "target": session.target,
        "port": session.port,
        "state": session.state,
        "clients": session.clients,
        "opened": session.opened,
        "token": session.token,
    }


def _command(command: Command) -> "dict[str, Any]":
    first = command.invocations[0]
    return {
        "commandId": command.id,
        "document": command.document_name,
        "parameters": command.parameters,
        "comment": command.comment,
        "instanceIds": [one.instance_id for one in command.invocations],
        "status": first.status,
        "statusDetails": first.details,
        "steps": [
            {"name": step.name, "status": step.status, "stdout": step.stdout, "stderr": step.stderr}
            for one in command.invocations
            for step in one.steps
        ],
    }


class ControlServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cloud: Cloud, api: ApiServer) -> None:
        super().__init__(("127.0.0.1", 0), ControlHandler)
        self.port = self.server_address[1]
        self.control = Control(cloud, api)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ControlHandler(QuietHandler):
    server: ControlServer

    def do_GET(self) -> None:
        """An instance's metadata, as far as EC2 Instance Connect goes; without the token that IMDSv2 asks for."""
        match = METADATA_KEYS.fullmatch(self.path)
        keys = self.server.control.sent_keys(*match.groups()) if match else []
        self.send_response(200 if keys else 404)
        self.send_content("".join(f"{key}\n" for key in keys).encode())

    def do_POST(self) -> None:
        body = self.read_body()
        name = self.path.removeprefix(PREFIX)
        command = None if name.startswith("_") else getattr(self.server.control, name, None)
        try:
            if command is None:
                raise ValueError(f"no such command: {self.path}")
            status, result = 200, command(**json.loads(body or b"{}"))
        except Exception as error:
            traceback.print_exc()
            status, result = 400, f"{type(error).__name__}: {error}"
        content = json.dumps(result, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_content(content)
