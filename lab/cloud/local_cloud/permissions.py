"""What the caller may do. Everything, until a test says otherwise."""

import base64
import secrets
import threading
from dataclasses import dataclass
from typing import Any, Iterable

from moto.ec2.models import ec2_backends
from moto.utilities.utils import get_partition

from .call import Answer, Call
from .errors import error_answer
from .iam_policy import Policy

# "No permissions are required to perform this operation", and an explicit denial has no effect:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}


@dataclass
class Denial:
    """`dry_run`: True and False narrow it to requests with and without that flag, None is both."""

    operation: str
    dry_run: "bool | None" = None
    tag_key: "str | None" = None
    resource: "str | None" = None

    def covers(self, call: Call) -> bool:
        return (
            call.operation == self.operation
            and (self.dry_run is None or self.dry_run == call.dry_run)
            and (self.tag_key is None or self.tag_key in call.tag_keys())
            and (self.resource is None or call.mentions(self.resource))
        )


class Permissions:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._denials: "list[Denial]" = []
        self._allowed: "set[str] | None" = None
        self._policy: "list[dict[str, Any]] | None" = None
        self._roles: "dict[str, set[str]]" = {}

    def reset(self) -> None:
        with self._lock:
            self._denials.clear()
            self._allowed = None
            self._policy = None

    def deny(self, denial: Denial) -> None:
        with self._lock:
            self._denials.append(denial)

    def allow_only(self, actions: "list[str] | None") -> None:
        """Like an IAM policy that allows these actions (`ec2:CreateSnapshots`) on all resources."""
        with self._lock:
            self._allowed = None if actions is None else set(actions)

    def allow_policy(self, statements: "list[dict[str, Any]] | None") -> None:
        """What the statements of IAM policies allow, with their conditions."""
        with self._lock:
            self._policy = statements

    def set_role(self, access_key_id: str, actions: "Iterable[str]") -> None:
        """What an instance's role may do; what tests deny and allow concerns the other callers."""
        with self._lock:
            self._roles[access_key_id] = set(actions)

    def refusal(self, call: Call, account_id: str) -> "Answer | None":
        with self._lock:
            role = self._roles.get(call.access_key_id)
            denials = self._denials if role is None else []
            allowed = self._allowed if role is None else role
            denied = [f"{call.service}:{call.operation}"] if any(d.covers(call) for d in denials) else []
            if allowed is not None:
                denied += [a for a in call.actions() if a not in allowed]
            if role is None and self._policy is not None:
                denied += Policy(self._policy, _tags_in(account_id)).refused(call)
        denied = [action for action in denied if action not in ALWAYS_ALLOWED]
        return _refuse(call, account_id, denied[0]) if denied else None


def _tags_in(account_id: str) -> Any:
    return lambda call, resource: ec2_backends[account_id][call.region].tags.get(resource, {})


def _refuse(call: Call, account_id: str, action: str) -> Answer:
    partition = get_partition(call.region)
    sentence = (
        f"User: arn:{partition}:iam::{account_id}:user/local is not authorized to perform: {action} on resource: "
        f"arn:{partition}:{call.service}:{call.region}::*/* because no identity-based policy allows the {action} action"
    )
    if call.service != "ec2":
        return error_answer(call, "AccessDenied" if call.service == "sts" else "AccessDeniedException", sentence)
    # Only DecodeAuthorizationMessage can read the encoded part.
    encoded = base64.urlsafe_b64encode(secrets.token_bytes(300)).decode()
    message = (
        f"You are not authorized to perform this operation. {sentence}. "
        f"Encoded authorization failure message: {encoded}"
    )
    return error_answer(call, "UnauthorizedOperation", message)
