#!/usr/bin/env bash
# Writes the page. The operation's inputs are variables here: $folder is one. The node's properties are asked for.
set -euo pipefail

greeting=$(ctx node properties greeting)
count=$(ctx node properties count)
page=$folder/$(ctx instance id).html

cat > "$page" <<HTML
<!doctype html>
<meta charset="utf-8">
<title>$greeting</title>
<h1>$greeting from $(ctx deployment id)</h1>
<ol>
$(for ((line = 1; line <= count; line++)); do echo "  <li>$greeting</li>"; done)
</ol>
HTML
ctx instance runtime-properties page "$page"

ctx logger info "Wrote '$greeting' $count times to $page"
