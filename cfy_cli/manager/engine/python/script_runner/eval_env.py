"""Global variables of Python scripts that a plugin executes in its own process."""


def setup_env_and_globals(script_path: str) -> dict[str, object]:
    return {"__name__": "__main__", "__file__": script_path}
