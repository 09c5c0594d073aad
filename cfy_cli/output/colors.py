"""Colors of states in tables and records; click removes them where they are not wanted."""

import click

# Columns that tell how an item is; a narrow table keeps them, and their text is never shortened.
STATE_COLUMNS = frozenset({
    "state", "status", "status_display", "deployment_status", "installation_status", "sub_services_status",
    "sub_environments_status", "result", "is_available",
})  # fmt: skip
_COLORS = {
    "green": ("active", "available", "completed", "good", "installed", "ok", "started", "success", "succeeded",
              "terminated", "uploaded"),
    "red": ("error", "fail", "failed", "failed_extracting", "failed_parsing", "failed_uploading", "invalid",
            "requires_attention", "rejected", "unhealthy"),
    "yellow": ("cancelled", "cancelling", "degraded", "force_cancelling", "in_progress", "inactive", "kill_cancelling",
               "partially_active", "partial", "pending", "queued", "rescheduled", "scheduled", "sent", "warning"),
}  # fmt: skip
_COLOR_OF_STATE = {state: color for color, states in _COLORS.items() for state in states}
_RUNNING = frozenset({"status", "status_display"})  # columns of executions, of which a started one is not done


def color_state(column: str, text: str) -> str:
    """Add the color of a state to the text of a cell; other columns have none."""
    if column not in STATE_COLUMNS:
        return text
    color = "cyan" if column in _RUNNING and text == "started" else _COLOR_OF_STATE.get(text.lower())
    return click.style(text, fg=color) if color else text
