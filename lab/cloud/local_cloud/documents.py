"""
Systems Manager documents: which there are, and which parameters they take.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-vss-snapshots-ssm.html
"""

import re
from dataclasses import dataclass, field
from typing import Any, Callable

from moto.ssm.exceptions import SSMException

from . import packages, powershell, shell, vss_documents


@dataclass(frozen=True)
class Parameter:
    default: "str | None" = None
    """None: it must be given."""
    values: "tuple[str, ...]" = ()
    pattern: str = ""
    is_list: bool = False


@dataclass(frozen=True)
class Document:
    name: str
    parameters: "dict[str, Parameter]"
    steps: "dict[str, Callable[[Any], int]]"
    """By the step's name; each returns its exit code."""
    platforms: "tuple[str, ...]" = ("Windows",)
    version: str = "1"
    seconds: "Callable[[dict[str, list[str]]], float]" = field(default=lambda _: 3600)
    """The execution timeout of its last step."""

    def check(self, given: "dict[str, list[str]]") -> None:
        for name, values in given.items():
            self._check_one(name, values)
        for name, parameter in self.parameters.items():
            if parameter.default is None and name not in given:
                raise SSMException("InvalidParameters", f"Parameter {name} is required by document {self.name}")

    def _check_one(self, name: str, values: "list[str]") -> None:
        parameter = self.parameters.get(name)
        if parameter is None:
            raise SSMException("InvalidParameters", f"document {self.name} does not support parameters {{{name}}}")
        if not parameter.is_list and len(values) != 1:
            raise SSMException("InvalidParameters", f"Parameter {name} takes one value")
        for value in values:
            if parameter.values and value not in parameter.values:
                raise SSMException("InvalidParameters", f"Parameter {name} must be one of {list(parameter.values)}")
            if not re.fullmatch(parameter.pattern or "(?s).*", value):
                raise SSMException(
                    "InvalidParameters", f"Parameter {name} does not match the pattern {parameter.pattern}"
                )

    def complete(self, given: "dict[str, list[str]]") -> "dict[str, list[str]]":
        defaults = {name: [one.default] for name, one in self.parameters.items() if one.default is not None}
        return {**defaults, **given}


def _flag() -> Parameter:
    return Parameter("False", ("True", "False"))


VSS_PARAMETERS = {
    "ExcludeBootVolume": _flag(),
    "CopyOnly": _flag(),
    "NoWriters": _flag(),
    "SaveVssMetadata": _flag(),
    "CollectDiagnosticLogs": _flag(),
    "CreateAmi": _flag(),
    "AmiName": Parameter(""),
    "description": Parameter(""),
    "tags": Parameter("Key=Name,Value=", pattern=vss_documents.TAGS_PATTERN),
    "executionTimeout": Parameter("3600", pattern=r"[0-9]{1,6}"),
}


def _execution_timeout(parameters: "dict[str, list[str]]") -> float:
    """amazon-ssm-agent, agent/plugins/pluginutil/pluginutil.go: what is out of range becomes the default."""
    seconds = int(parameters["executionTimeout"][0])
    return seconds if 5 <= seconds <= 172_800 else 3600


CATALOGUE = {
    document.name: document
    for document in (
        Document(
            "AWS-ConfigureAWSPackage",
            {
                "action": Parameter(None, ("Install", "Uninstall")),
                "installationType": Parameter(
                    "Uninstall and reinstall", ("Uninstall and reinstall", "In-place update")
                ),
                "name": Parameter(None),
                "version": Parameter("", pattern=r"|latest|[0-9]+(\.[0-9]+)*"),
                "additionalArguments": Parameter("{}"),
            },
            {"configurePackage": packages.configure},
            ("Windows", "Linux", "MacOS"),
        ),
        Document(
            "AWS-RunPowerShellScript",
            {
                "commands": Parameter(None, is_list=True),
                "workingDirectory": Parameter(""),
                "executionTimeout": Parameter("3600", pattern=r"[0-9]{1,6}"),
            },
            {"runPowerShellScript": powershell.run},
            ("Windows", "Linux"),
            seconds=_execution_timeout,
        ),
        Document(
            "AWS-RunShellScript",
            {
                "commands": Parameter(None, is_list=True),
                "workingDirectory": Parameter(""),
                "executionTimeout": Parameter("3600", pattern=r"[0-9]{1,6}"),
            },
            {"aws:runShellScript": shell.run},
            ("Linux", "MacOS"),
            seconds=_execution_timeout,
        ),
        Document(
            "AWSEC2-CreateVssSnapshot",
            VSS_PARAMETERS,
            {"CreateVssSnapshot": vss_documents.create_snapshot},
            seconds=_execution_timeout,
        ),
        Document(
            "AWSEC2-VssInstallAndSnapshot",
            {**VSS_PARAMETERS, "VssVersion": Parameter("", pattern=r"|[0-9]+(\.[0-9]+)*")},
            {
                "InstallAwsVssComponents": packages.install_components,
                "CreateVssSnapshot": vss_documents.create_snapshot,
            },
            seconds=_execution_timeout,
        ),
    )
}
