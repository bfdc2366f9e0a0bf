"""
IAM policies as far as those of docs/iam.md go: actions, resources by their ARN, conditions on tags.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterator

from moto.utilities.utils import get_partition

from .call import Call

KINDS = {"snap": "snapshot", "ami": "image", "i": "instance", "vol": "volume"}
# Whatever else is asked for is judged by its action alone.
RESOURCE_PARAMETERS = {
    "CreateTags": "Resources",
    "DeleteTags": "Resources",
    "DeleteSnapshot": "SnapshotId",
    "DeleteVolume": "VolumeId",
    "DeregisterImage": "ImageId",
    "TerminateInstances": "InstanceIds",
}


USER_ID = "AIDALOCALCLOUD"
"""What `${aws:userid}` stands for. Ids of sessions begin with it."""


def _document(call: Call) -> str:
    return f"arn:{get_partition(call.region)}:ssm:{call.region}::document/{call.parameters['DocumentName']}"


def _session(call: Call) -> "list[str]":
    return [f"arn:{get_partition(call.region)}:ssm:{call.region}::session/{call.parameters['SessionId']}"]


# All of an operation's resources have to be allowed: service authorization reference, Systems Manager.
SSM_RESOURCES: "dict[str, Callable[[Call], list[str]]]" = {
    "SendCommand": lambda call: [
        *(_arn(call, "instance", one) for one in call.parameters["InstanceIds"]),
        _document(call),
    ],
    "StartSession": lambda call: [_arn(call, "instance", call.parameters["Target"]), _document(call)],
    "TerminateSession": _session,
    "ResumeSession": _session,
}


@dataclass(frozen=True)
class Asked:
    """One action on one resource."""

    action: str
    arn: "str | None" = None
    context: "dict[str, str]" = field(default_factory=dict)
    """Values of the condition keys."""


class Policy:
    def __init__(self, statements: "list[dict[str, Any]]", tags_of: "Callable[[Call, str], dict[str, str]]") -> None:
        self._statements = statements
        self._tags_of = tags_of

    def refused(self, call: Call) -> "list[str]":
        """The actions that no statement allows."""
        return [asked.action for asked in self._asked(call) if not self._allows(asked)]

    def _asked(self, call: Call) -> "Iterator[Asked]":
        action = f"{call.service}:{call.operation}"
        parameter = RESOURCE_PARAMETERS.get(call.operation)
        if call.service == "ssm" and call.operation in SSM_RESOURCES:
            for arn in SSM_RESOURCES[call.operation](call):
                yield Asked(action, arn)
        elif call.operation == "SendSSHPublicKey":
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2instanceconnect.html
            instance_id = call.parameters["InstanceId"]
            tags = _context("ResourceTag", self._tags_of(call, instance_id))
            arn = _arn(call, "instance", instance_id)
            yield Asked(action, arn, {**tags, "ec2:osuser": call.parameters["InstanceOSUser"]})
        elif parameter is None:
            yield Asked(action)
        else:
            given = call.parameters[parameter]
            requested = _context("RequestTag", _pairs(call.parameters.get("Tags", [])))
            for resource in given if isinstance(given, list) else [given]:
                tags = _context("ResourceTag", self._tags_of(call, resource))
                yield Asked(action, _arn(call, KINDS[resource.split("-")[0]], resource), {**requested, **tags})
        for one in call.parameters.get("TagSpecifications", []):
            requested = _context("RequestTag", _pairs(one.get("Tags", [])))
            arn = _arn(call, one["ResourceType"], "new")
            yield Asked("ec2:CreateTags", arn, {**requested, "ec2:CreateAction": call.operation})

    def _allows(self, asked: Asked) -> bool:
        return any(_meets(statement, asked) for statement in self._statements)


def _arn(call: Call, kind: str, resource: str) -> str:
    return f"arn:{get_partition(call.region)}:ec2:{call.region}::{kind}/{resource}"


def _pairs(tags: "list[dict[str, str]]") -> "dict[str, str]":
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def _context(kind: str, tags: "dict[str, str]") -> "dict[str, str]":
    return {f"aws:{kind}/{key}": value for key, value in tags.items()}


def _meets(statement: "dict[str, Any]", asked: Asked) -> bool:
    return (
        any(fnmatchcase(asked.action, action) for action in _listed(statement["Action"]))
        and (asked.arn is None or any(_fits(asked.arn, arn) for arn in _listed(statement["Resource"])))
        and all(_holds(operator, keys, asked.context) for operator, keys in statement.get("Condition", {}).items())
    )


def _fits(arn: str, wanted: str) -> bool:
    return fnmatchcase(arn, wanted.replace("${aws:userid}", USER_ID))


def _holds(operator: str, keys: "dict[str, Any]", context: "dict[str, str]") -> bool:
    """A key that the request has not is not met."""
    matches = {"StringEquals": str.__eq__, "StringLike": fnmatchcase}[operator]
    return all(
        key in context and any(matches(context[key], wanted) for wanted in _listed(values))
        for key, values in keys.items()
    )


def _listed(value: Any) -> "list[Any]":
    return value if isinstance(value, list) else [value]
