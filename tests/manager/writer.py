"""One of several processes that write to a manager at once. Arguments: URL PASSWORD INDEX SECONDS."""

import json
import sys
import time

import requests

url, password, index, seconds = sys.argv[1:]
session = requests.Session()
session.auth = ("admin", password)
acknowledged: list[str] = []
errors: list[str] = []
deadline = time.monotonic() + float(seconds)
while time.monotonic() < deadline:
    name = f"site-{index}-{len(acknowledged)}"
    response = session.put(f"{url}/api/v3.1/sites/{name}", json={"location": "1,2"}, timeout=60)
    if not response.ok:
        errors.append(response.text)
        break
    acknowledged.append(name)
    session.post(f"{url}/api/v3.1/sites/{name}", json={"location": "3,4"}, timeout=60).raise_for_status()
print(json.dumps({"acknowledged": acknowledged, "errors": errors}))
