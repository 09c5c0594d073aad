"""Errors of the manager as exceptions."""

import json
from typing import ClassVar

from .item import Answer


class CloudifyClientError(Exception):
    """The response of the manager is an error."""

    ERROR_CODE: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        server_traceback: str | None = None,
        status_code: int = -1,
        error_code: str | None = None,
        response: Answer = None,
    ) -> None:
        super().__init__(message)
        self.status_code, self.error_code = status_code, error_code
        self.server_traceback, self.response = server_traceback, response
        self._message = message

    def __str__(self) -> str:
        return self._message if self.status_code == -1 else f"{self.status_code}: {self._message}"


class DeploymentEnvironmentCreationInProgressError(CloudifyClientError):
    """The deployment is being created."""

    ERROR_CODE = "deployment_environment_creation_in_progress_error"


class DeploymentEnvironmentCreationPendingError(CloudifyClientError):
    """The creation of the deployment has not started."""

    ERROR_CODE = "deployment_environment_creation_pending_error"


class ExistingRunningExecutionError(CloudifyClientError):
    """Another execution of the deployment is running."""

    ERROR_CODE = "existing_running_execution_error"


class ExistingStartedDeploymentModificationError(CloudifyClientError):
    """The deployment is being scaled."""

    ERROR_CODE = "existing_started_deployment_modification_error"


class DeploymentModificationAlreadyEndedError(CloudifyClientError):
    """The modification is finished or rolled back."""

    ERROR_CODE = "deployment_modification_already_ended_error"


class UnknownModificationStageError(CloudifyClientError):
    """The stage of a modification is not one that there is."""

    ERROR_CODE = "unknown_modification_stage_error"


class IllegalExecutionParametersError(CloudifyClientError):
    """The workflow does not accept these parameters."""

    ERROR_CODE = "illegal_execution_parameters_error"


class InvalidExecutionUpdateStatus(CloudifyClientError):
    """The execution cannot get this status after its current one."""

    ERROR_CODE = "invalid_exception_status_update"


class NoSuchIncludeFieldError(CloudifyClientError):
    """The resource has no field that `_include` names."""

    ERROR_CODE = "no_such_include_field_error"


class MissingRequiredDeploymentInputError(CloudifyClientError):
    """A required input of the blueprint is missing."""

    ERROR_CODE = "missing_required_deployment_input_error"


class UnknownDeploymentInputError(CloudifyClientError):
    """The blueprint does not declare an input."""

    ERROR_CODE = "unknown_deployment_input_error"


class UnknownDeploymentSecretError(CloudifyClientError):
    """A secret that the blueprint needs does not exist."""

    ERROR_CODE = "unknown_deployment_secret_error"


class UnsupportedDeploymentGetSecretError(CloudifyClientError):
    """The blueprint uses get_secret where it cannot be evaluated."""

    ERROR_CODE = "unsupported_deployment_get_secret_error"


class FunctionsEvaluationError(CloudifyClientError):
    """A function of the blueprint cannot be evaluated."""

    ERROR_CODE = "functions_evaluation_error"


class DeploymentPluginNotFound(CloudifyClientError):
    """The blueprint needs a plugin that is not uploaded."""

    ERROR_CODE = "deployment_plugin_not_found"


class DeploymentParentNotFound(CloudifyClientError):
    """A label names a parent that does not exist."""

    ERROR_CODE = "deployment_parent_not_found_error"


class PluginInUseError(CloudifyClientError):
    """Blueprints use the plugin."""

    ERROR_CODE = "plugin_in_use"


class BlueprintInUseError(CloudifyClientError):
    """Other blueprints import the blueprint."""

    ERROR_CODE = "blueprint_in_use"


class PluginInstallationError(CloudifyClientError):
    """The plugin could not be installed."""

    ERROR_CODE = "plugin_installation_error"


class PluginInstallationTimeout(CloudifyClientError):
    """The installation of the plugin took too long."""

    ERROR_CODE = "plugin_installation_timeout"


class UserUnauthorizedError(CloudifyClientError):
    """The credentials are missing or wrong."""

    ERROR_CODE = "unauthorized_error"


class ForbiddenError(CloudifyClientError):
    """The user may not do this."""

    ERROR_CODE = "forbidden_error"


class ForbiddenWhileCancelling(CloudifyClientError):
    """The execution is being cancelled."""

    ERROR_CODE = "forbidden_while_cancelling"


class MaintenanceModeActiveError(CloudifyClientError):
    """The manager is in maintenance mode."""

    ERROR_CODE = "maintenance_mode_active"


class MaintenanceModeActivatingError(CloudifyClientError):
    """The manager enters maintenance mode."""

    ERROR_CODE = "entering_maintenance_mode"


class NotModifiedError(CloudifyClientError):
    """There was nothing to change."""

    ERROR_CODE = "not_modified"


class NotClusterMaster(CloudifyClientError):
    """Another manager of the cluster answers requests."""

    ERROR_CODE = "not_cluster_master"


class RemovedFromCluster(CloudifyClientError):
    """The manager is no longer one of the cluster."""

    ERROR_CODE = "removed_from_cluster"


class IncompatibleClusterArchitectureError(CloudifyClientError):
    """The manager cannot join a cluster of another architecture."""

    ERROR_CODE = "incompatible_cluster_architecture"


class MissingCloudifyLicense(CloudifyClientError):
    """The manager has no license."""

    ERROR_CODE = "missing_cloudify_license"


class ExpiredCloudifyLicense(CloudifyClientError):
    """The license of the manager has expired."""

    ERROR_CODE = "expired_cloudify_license"


class InvalidFilterRule(CloudifyClientError):
    """A filter rule is wrong: `err_filter_rule`, for the reason `err_reason`."""

    ERROR_CODE = "invalid_filter_rule"
    err_filter_rule: Answer = None
    err_reason: str | None = None


ERROR_MAPPING: dict[str, type[CloudifyClientError]] = {
    error.ERROR_CODE: error for error in CloudifyClientError.__subclasses__()
}


def error_from_response(content: bytes, status: int, reason: str) -> CloudifyClientError:
    """Return the exception for the body of an error response."""
    if status == 304:
        return NotModifiedError("There is nothing to change.", "", status, NotModifiedError.ERROR_CODE)
    try:
        body = json.loads(content)
        code = body.get("error_code")
        kind = ERROR_MAPPING.get(code, CloudifyClientError)
        error = kind(body["message"], body.get("server_traceback"), status, code, body)
        if isinstance(error, InvalidFilterRule):
            error.err_filter_rule, error.err_reason = body.get("err_filter_rule"), body.get("err_reason")
    except (ValueError, KeyError, TypeError, AttributeError):
        return CloudifyClientError(reason, status_code=status)
    return error
