"""EC2 as a program on an instance calls it: over HTTP like everybody, with the credentials of the instance's role."""

import http.client
import re
import socket
import threading
import xml.etree.ElementTree as ElementTree
from typing import Any
from urllib.parse import urlencode

from .call import INSTANCE_ROLE_PREFIX

NAMESPACE = re.compile(rb' xmlns="[^"]*"')
# Of https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSEC2VssSnapshotPolicy.html
VSS_SNAPSHOT_POLICY = (
    "ec2:DescribeInstanceAttribute",
    "ec2:CreateSnapshots",
    "ec2:CreateImage",
    "ec2:CreateTags",
    "ec2:DescribeImages",
    "ec2:DescribeSnapshots",
)


def role_key(instance_id: str) -> str:
    """The access key id of an instance's role, in the journal and for faults."""
    return INSTANCE_ROLE_PREFIX + instance_id


class RoleError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InstanceRole:
    def __init__(self, port: int, key: str, region: str) -> None:
        self._port = port
        self._scope = f"Credential={key}/20000101/{region}/ec2/aws4_request"
        self._lock = threading.Lock()
        self._connection: "http.client.HTTPConnection | None" = None
        self._cut = False

    def call(self, operation: str, seconds: float, **parameters: Any) -> ElementTree.Element:
        """
        :param seconds: how long the answer is waited for
        :param parameters: by their names in EC2's query API; lists and dictionaries are numbered and joined
        """
        body = urlencode({"Action": operation, "Version": "2016-11-15", **_flat(parameters)})
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 {self._scope}, SignedHeaders=host, Signature=0",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.connect()
            with self._lock:
                self._connection = connection
                if self._cut:
                    raise RoleError("RequestCanceled", "the command was ended")
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            root = ElementTree.fromstring(NAMESPACE.sub(b"", response.read()))
        except (OSError, http.client.HTTPException) as error:
            raise RoleError("RequestFailed", f"Unable to connect to the remote server: {error}") from error
        finally:
            with self._lock:
                self._connection = None
            connection.close()
        if response.status >= 400:
            raise RoleError(root.findtext(".//Code") or "", root.findtext(".//Message") or "")
        return root

    def cut(self) -> None:
        """Ends the request that waits for its answer, and refuses any more."""
        with self._lock:
            self._cut = True
            if self._connection is not None and self._connection.sock is not None:
                try:
                    self._connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:  # answered just now
                    pass


def _flat(value: Any, prefix: str = "") -> "dict[str, str]":
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (list, tuple)):
        parts = ((str(number), one) for number, one in enumerate(value, 1))
    else:
        return {prefix: str(value)}
    flat: "dict[str, str]" = {}
    for name, one in parts:
        flat |= _flat(one, f"{prefix}.{name}" if prefix else name)
    return flat
