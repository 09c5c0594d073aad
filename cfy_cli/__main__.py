"""`python -m cfy_cli` is `cfy`."""

from cfy_cli.main import main

main()
