"""Check of a manager's version against the versions this program supports."""

import re

MIN_MAJOR, MAX_MAJOR = 5, 7  # versions of public managers; the embedded manager has the version of cfy


def version_warning(version: str, own_version: str) -> str | None:
    """Return a warning about a manager that is older or newer than the supported versions."""
    theirs, own = (re.match(r"(\d+)\.(\d+)", text) for text in (version, own_version))
    if not theirs or not own:
        return None
    major = int(theirs[1])
    if theirs[1] == own[1]:
        differs = theirs[2] != own[2]
        return (
            f"The manager has version {version} and cfy has version {own_version}: upgrade the older one"
            if differs
            else None
        )
    if major < MIN_MAJOR:
        return f"The manager has version {version}, older than supported: some commands may fail"
    if major > MAX_MAJOR:
        return f"The manager has version {version}, newer than supported: cfy may need an update"
    return None
