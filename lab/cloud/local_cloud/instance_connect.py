"""
EC2 Instance Connect: public keys that an instance has for 60 s, by the names of its accounts.
https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html
On a real instance the keys are in its metadata, and sshd asks for them by the package ec2-instance-connect; here the control
port has them at the same path, below the instance's id.
"""

import json
import re
import threading
import time
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.ec2.models import ec2_backends
from moto.ec2instanceconnect.responses import Ec2InstanceConnectResponse

KEPT_S = 60
OS_USER = re.compile(r"[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?")
KEY_LENGTHS = range(80, 4097)


class InstanceConnect:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._keys: "dict[tuple[str, str], list[tuple[float, str]]]" = {}
            self._passed_s = 0.0

    def pass_time(self, seconds: float) -> None:
        with self._lock:
            self._passed_s += seconds

    def _now(self) -> float:
        return time.monotonic() + self._passed_s

    def keys(self, instance_id: str, user: str) -> "list[str]":
        """What an instance's metadata shows at `managed-ssh-keys/active-keys/USER/`."""
        with self._lock:
            now = self._now()
            return [key for until, key in self._keys.get((instance_id, user), []) if until > now]

    def _send(self, account_id: str, region: str, parameters: "dict[str, Any]") -> None:
        instance_id, user = parameters["InstanceId"], parameters["InstanceOSUser"]
        key = parameters["SSHPublicKey"].strip()
        if not OS_USER.fullmatch(user) or len(key) not in KEY_LENGTHS or "\n" in key:
            raise JsonRESTError("InvalidArgsException", "One of the parameters is not valid.")
        reservations = ec2_backends[account_id][region].reservations.values()
        states = {one.id: one.state for reservation in reservations for one in reservation.instances}
        if instance_id not in states:
            raise JsonRESTError("EC2InstanceNotFoundException", f"The specified instance was not found: {instance_id}")
        if states[instance_id] != "running":
            raise JsonRESTError(
                "EC2InstanceStateInvalidException",
                "Unable to connect because the instance is not in a valid state. Connecting to a stopped or terminated "
                "instance is not supported.",
            )
        with self._lock:
            self._keys.setdefault((instance_id, user), []).append((self._now() + KEPT_S, key))

    def install(self) -> None:
        connect = self

        def send_ssh_public_key(self: Any) -> str:
            connect._send(self.current_account, self.region, json.loads(self.body))
            return json.dumps({"RequestId": "", "Success": True})

        Ec2InstanceConnectResponse.send_ssh_public_key = send_ssh_public_key
