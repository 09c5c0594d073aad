"""The public local engine at one operation on many instances; engine.py runs this in a Python that has that engine.

    PYTHON peer_engine.py BLUEPRINT OPERATION WIDTH

prints the seconds it took. Modules of functions stand beside the blueprint, and so does `cloudify/types/types.yaml`.
"""

import logging
import os
import sys
import time
from pathlib import Path


def main() -> None:
    blueprint, operation, width = sys.argv[1:]
    sys.path.insert(0, str(Path(blueprint).parent))
    os.chdir(Path(blueprint).parent)
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # `ctx` is there
    from cloudify.workflows import local

    logging.disable(logging.CRITICAL)
    environment = local.init_env(blueprint, storage=local.InMemoryStorage())
    began = time.perf_counter()
    environment.execute("execute_operation", {"operation": operation}, task_retries=0, task_thread_pool_size=int(width))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
