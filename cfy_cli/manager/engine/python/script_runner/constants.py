"""Constants of scripts."""

from cloudify.utils import ENV_CFY_EXEC_TEMPDIR as ENV_CFY_EXEC_TEMPDIR  # type: ignore[import-not-found]

PYTHON_SCRIPT_FILE_EXTENSION = ".py"
POWERSHELL_SCRIPT_FILE_EXTENSION = ".ps1"
DEFAULT_POWERSHELL_EXECUTABLE = "powershell"
