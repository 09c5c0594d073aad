"""One operation on many instances with the public local engine; engine.py runs this in a Python that has it.

    PYTHON peer_engine.py BLUEPRINT OPERATION CONCURRENCY

prints the seconds that it took. The folder of the blueprint holds modules of functions and `cloudify/types/types.yaml`.
"""

import logging
import os
import sys
import time
from pathlib import Path


def main() -> None:
    blueprint, operation, concurrency = sys.argv[1:]
    sys.path.insert(0, str(Path(blueprint).parent))
    os.chdir(Path(blueprint).parent)
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # has `ctx`
    from cloudify.workflows import local

    logging.disable(logging.CRITICAL)
    environment = local.init_env(blueprint, storage=local.InMemoryStorage())
    started_at = time.perf_counter()
    environment.execute(
        "execute_operation", {"operation": operation}, task_retries=0, task_thread_pool_size=int(concurrency)
    )
    print(time.perf_counter() - started_at)


if __name__ == "__main__":
    main()
