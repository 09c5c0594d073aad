"""Whether a manager is one that this program knows how to talk to."""

import re

OLDEST, NEWEST = 5, 7  # of the public managers; the one for this machine has our own version


def skew(version: str, ours: str) -> str | None:
    """A sentence about a manager that is older or newer than expected."""
    theirs, own = (re.match(r"(\d+)\.(\d+)", text) for text in (version, ours))
    if not theirs or not own:
        return None
    major = int(theirs[1])
    if theirs[1] == own[1]:
        differs = theirs[2] != own[2]
        return (
            f"The manager is of version {version}, and cfy of version {ours}: upgrade the older one"
            if differs
            else None
        )
    if major < OLDEST:
        return f"The manager is of version {version}, older than expected: some commands may be refused"
    if major > NEWEST:
        return f"The manager is of version {version}, newer than expected: an update of cfy may be due"
    return None
