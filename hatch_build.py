"""Check of Python before an installation: pip would try all releases of all dependencies before it says so."""

import sys

from hatchling.metadata.plugin.interface import MetadataHookInterface

if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before pip checks the version
    sys.exit(f"cfy needs Python 3.11 or newer, and this is Python {sys.version.split()[0]}.")


class PythonCheck(MetadataHookInterface):
    def update(self, metadata):
        """Change nothing: the check is done when this file is read."""
