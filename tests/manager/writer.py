"""One of several processes that write to a manager at once: URL PASSWORD NUMBER SECONDS."""

import json
import sys
import time

import requests

url, password, number, seconds = sys.argv[1:]
session = requests.Session()
session.auth = ("admin", password)
acknowledged: list[str] = []
problems: list[str] = []
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    name = f"site-{number}-{len(acknowledged)}"
    answer = session.put(f"{url}/api/v3.1/sites/{name}", json={"location": "1,2"}, timeout=60)
    if answer.ok:
        acknowledged.append(name)
        session.post(f"{url}/api/v3.1/sites/{name}", json={"location": "3,4"}, timeout=60).raise_for_status()
    else:
        problems.append(answer.text)
        break
print(json.dumps({"acknowledged": acknowledged, "problems": problems}))
