"""
The Distributor package AwsVssComponents, as amazon-ssm-agent's plugin aws:configurePackage handles it
(agent/plugins/configurepackage/configurepackage.go, executepackage.go and localpackages).
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/vss-comps-history.html
"""

from typing import Any

NAME = "AwsVssComponents"
VERSIONS = ("1.3.1.0", "2.1.0", "2.2.1", "2.3.1", "2.3.2", "2.3.3", "2.4.0", "2.5.0", "2.5.1")
DEFAULT_VERSION = "2.5.1"
FIRST_TO_UNREGISTER_PROVIDER = (2, 3, 2)


def configure(run: Any) -> int:
    """The step of AWS-ConfigureAWSPackage."""
    return _act(run, run.parameter("action"), run.parameter("name"), run.parameter("version"))


def install_components(run: Any) -> int:
    """The first step of AWSEC2-VssInstallAndSnapshot: "installs or updates"."""
    return _act(run, "Install", NAME, run.parameter("VssVersion"))


def _act(run: Any, action: str, name: str, wanted: str) -> int:
    components = run.instance.components
    version = DEFAULT_VERSION if wanted in ("", "latest") else wanted
    if name != NAME or version not in VERSIONS:
        reason = "failed to retrieve package document description"
        run.print_error(f"failed to download manifest - {reason}: {name} {version}")
        return 1
    with run.acting:
        if components.busy_with is not None:
            run.print_error(_locked(components.busy_with))
            return 1
        components.busy_with = action
    try:
        return _install(run, version) if action == "Install" else _uninstall(run, wanted)
    finally:
        with run.acting:
            components.busy_with = None


def _locked(busy_with: str) -> str:
    # localpackages_lock.go: by this agent, or by the file lock of another process.
    action = "other action" if busy_with == "other" else f'action "{busy_with}"'
    return f'Package "{NAME}" is already in the process of {action}'


def _install(run: Any, version: str) -> int:
    components = run.instance.components
    before = components.version
    if before == version:
        run.print(f"{NAME} {version} is already installed")
        return 0
    if before is not None:
        run.print(f"Initiating {NAME} {before} uninstall")
    run.print(f"Initiating {NAME} {version} install")
    # The plugin looks at the cancel flag only before it begins: an installation goes on to its end.
    outcome = run.work(interruptible=False)
    if outcome == "fail":
        run.print_error("Failed to install package; install status Failed")
        if before is not None:
            run.print(f"Failed to install {NAME} {version}, successfully rolled back to {NAME} {before}")
        return 1
    with run.acting:
        components.version = version
        components.provider_registered = True
    run.print("Plugin aws:runPowerShellScript ResultStatus Success")
    run.print(f"Successfully installed {NAME} {version}")
    return 0


def _uninstall(run: Any, wanted: str) -> int:
    components = run.instance.components
    installed = components.version
    # configurepackage.go: what is not installed, or not in this version, is a success.
    if installed is None or wanted not in ("", "latest", installed):
        return 0
    run.print(f"Initiating {NAME} {installed} uninstall")
    if run.work(interruptible=False) == "fail":
        run.print_error("Failed to uninstall package; uninstall status Failed")
        return 1
    with run.acting:
        components.version = None
        components.provider_registered = _numbers(installed) < FIRST_TO_UNREGISTER_PROVIDER
    run.print(f"Successfully uninstalled {NAME} {installed}")
    return 0


def _numbers(version: str) -> "tuple[int, ...]":
    return tuple(int(part) for part in version.split("."))
