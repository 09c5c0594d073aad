#!/usr/bin/env bash
# Removes the page, if it was ever written.
set -euo pipefail

page=$(ctx instance runtime-properties page 2>/dev/null) || exit 0
rm -f "$page"

ctx logger info "Removed the page $page"
