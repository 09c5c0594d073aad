"""Run a Python script of an operation: `python run_script.py SCRIPT`; Python finds `cloudify` in this folder."""

import importlib
import sys

if __name__ == "__main__":
    importlib.import_module("cloudify.script").run(sys.argv[1])
