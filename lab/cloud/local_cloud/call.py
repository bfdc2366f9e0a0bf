"""One request to the API, understood; and an answer to it."""

import io
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request

# Real ones look like other temporary keys; this one names its instance.
INSTANCE_ROLE_PREFIX = "ASIA-"
CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")


@dataclass
class HttpRequest:
    method: str
    path: str
    query: str
    headers: "dict[str, str]"
    body: bytes
    socket: Any

    def environ(self) -> "dict[str, Any]":
        """For WSGI; a new one each time, as reading the body uses it up."""
        environ: "dict[str, Any]" = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "REQUEST_URI": self.path,
            "RAW_URI": self.path,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ


@dataclass
class Answer:
    status: int
    headers: "dict[str, str]"
    body: bytes
    code: str
    """`Success`, or AWS's error code."""


@dataclass
class Call:
    service: str
    region: str
    operation: str
    parameters: "dict[str, Any]"
    access_key_id: str
    dry_run: bool
    connection: int = 0
    """The client's port."""
    signed_at: str = ""
    """The header X-Amz-Date."""
    number: int = 0
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received_ns: int = field(default_factory=time.monotonic_ns)
    answered_ns: "int | None" = None
    status: "int | None" = None
    code: "str | None" = None
    acted: int = 0
    """How often the operation was carried out (or refused by the service itself)."""
    outcome: str = "open"
    """`open`, `answered`, `cut`."""

    def by_instance(self) -> bool:
        """Sent by a program on an instance, with the instance's role."""
        return self.access_key_id.startswith(INSTANCE_ROLE_PREFIX)

    def mentions(self, resource: str) -> bool:
        return resource in _leaves(self.parameters)

    def tag_keys(self) -> "set[str]":
        specifications = self.parameters.get("TagSpecifications", [])
        tags = [tag for one in specifications for tag in one.get("Tags", [])]
        if self.operation in ("CreateTags", "DeleteTags"):
            tags += self.parameters.get("Tags", [])
        return {tag["Key"] for tag in tags}

    def actions(self) -> "list[str]":
        """The IAM actions that AWS checks: tagging at creation needs CreateTags as well."""
        actions = [f"{self.service}:{self.operation}"]
        tags_at_creation = self.service == "ec2" and self.parameters.get("TagSpecifications")
        return [*actions, "ec2:CreateTags"] if tags_at_creation else actions


def understand(request: HttpRequest) -> Call:
    credential = CREDENTIAL.search(request.headers.get("authorization", ""))
    key, region, service = credential.groups() if credential else ("", "us-east-1", "unsigned")
    operation = _operation(request)
    parameters = _parameters(request, service, operation)
    return Call(
        service=service,
        region=region,
        operation=operation,
        parameters=parameters,
        access_key_id=key,
        dry_run=str(parameters.get("DryRun", False)).lower() == "true",
        connection=request.socket.getpeername()[1] if request.socket else 0,
        signed_at=request.headers.get("x-amz-date", ""),
    )


def _operation(request: HttpRequest) -> str:
    target = request.headers.get("x-amz-target")
    if target:
        return target.split(".")[-1]
    form = parse_qs(request.body.decode("utf-8", "replace")) or parse_qs(request.query)
    return form.get("Action", ["unknown"])[0]


def _parameters(request: HttpRequest, service: str, operation: str) -> "dict[str, Any]":
    """By the SDK's names, as moto's own parser reads them."""
    try:
        model = get_service_model(service).operation_model(operation)
    except Exception:  # an operation or a service that nobody knows is moto's to refuse
        return {}
    protocol = model.service_model.protocol
    http = Request(request.environ())
    parsed = PROTOCOL_PARSERS[protocol](model, map_type=dict).parse(
        {
            "method": request.method,
            "values": http.values,
            "headers": http.headers,
            "body": request.body,
            "url_path": request.path,
            "url_params": {},
        }
    )
    return dict(parsed)


def _leaves(value: Any) -> "set[str]":
    if isinstance(value, dict):
        return set().union(*(_leaves(one) for one in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(_leaves(one) for one in value))
    return {str(value)}
