"""What the manager answers when it refuses, as exceptions."""

import json
from typing import Any


class CloudifyClientError(Exception):
    """The manager refused: what it said, and the status and code it said it with."""

    def __init__(self, message: str, status_code: int = -1, error_code: str | None = None, **_more: Any) -> None:
        super().__init__(f"{status_code}: {message}")
        self.status_code, self.error_code = status_code, error_code


class DeploymentEnvironmentCreationInProgressError(CloudifyClientError):
    """The deployment is still being made."""


class DeploymentEnvironmentCreationPendingError(CloudifyClientError):
    """The deployment is about to be made."""


class ExistingRunningExecutionError(CloudifyClientError):
    """Another execution of the deployment runs."""


class ExistingStartedDeploymentModificationError(CloudifyClientError):
    """The deployment is being scaled."""


class IllegalExecutionParametersError(CloudifyClientError):
    """The workflow does not take these parameters."""


class MissingRequiredDeploymentInputError(CloudifyClientError):
    """The blueprint needs inputs that were not given."""


class UnknownDeploymentInputError(CloudifyClientError):
    """The blueprint has no such inputs."""


class UnknownDeploymentSecretError(CloudifyClientError):
    """The blueprint needs secrets that there are not."""


class PluginInUseError(CloudifyClientError):
    """Blueprints use the plugin."""


class UserUnauthorizedError(CloudifyClientError):
    """The manager does not know who asks."""


BY_CODE: dict[str, type[CloudifyClientError]] = {
    "deployment_environment_creation_in_progress_error": DeploymentEnvironmentCreationInProgressError,
    "deployment_environment_creation_pending_error": DeploymentEnvironmentCreationPendingError,
    "existing_running_execution_error": ExistingRunningExecutionError,
    "existing_started_deployment_modification_error": ExistingStartedDeploymentModificationError,
    "illegal_execution_parameters_error": IllegalExecutionParametersError,
    "missing_required_deployment_input_error": MissingRequiredDeploymentInputError,
    "unknown_deployment_input_error": UnknownDeploymentInputError,
    "unknown_deployment_secret_error": UnknownDeploymentSecretError,
    "plugin_in_use": PluginInUseError,
    "unauthorized_error": UserUnauthorizedError,
}


def refusal(content: bytes, status: int, reason: str) -> CloudifyClientError:
    """The exception for an answer."""
    try:
        said = json.loads(content)
        code = said.get("error_code")
        return BY_CODE.get(code, CloudifyClientError)(said["message"], status, code)
    except (ValueError, KeyError, TypeError, AttributeError):
        return CloudifyClientError(reason, status)
