"""Errors of the manager as exceptions."""

import json


class CloudifyClientError(Exception):
    """The response of the manager is an error."""

    def __init__(self, message: str, status_code: int = -1, error_code: str | None = None, **_kwargs: object) -> None:
        super().__init__(f"{status_code}: {message}")
        self.status_code, self.error_code = status_code, error_code


class DeploymentEnvironmentCreationInProgressError(CloudifyClientError):
    """The deployment is being created."""


class DeploymentEnvironmentCreationPendingError(CloudifyClientError):
    """The creation of the deployment has not started."""


class ExistingRunningExecutionError(CloudifyClientError):
    """Another execution of the deployment is running."""


class ExistingStartedDeploymentModificationError(CloudifyClientError):
    """The deployment is being scaled."""


class IllegalExecutionParametersError(CloudifyClientError):
    """The workflow does not accept these parameters."""


class MissingRequiredDeploymentInputError(CloudifyClientError):
    """A required input of the blueprint is missing."""


class UnknownDeploymentInputError(CloudifyClientError):
    """The blueprint does not declare an input."""


class UnknownDeploymentSecretError(CloudifyClientError):
    """A secret that the blueprint needs does not exist."""


class PluginInUseError(CloudifyClientError):
    """Blueprints use the plugin."""


class UserUnauthorizedError(CloudifyClientError):
    """The credentials are missing or wrong."""


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


def error_from_response(content: bytes, status: int, reason: str) -> CloudifyClientError:
    """Return the exception for the body of an error response."""
    try:
        body = json.loads(content)
        code = body.get("error_code")
        return BY_CODE.get(code, CloudifyClientError)(body["message"], status, code)
    except (ValueError, KeyError, TypeError, AttributeError):
        return CloudifyClientError(reason, status)
