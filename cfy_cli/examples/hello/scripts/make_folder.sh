#!/usr/bin/env bash
# Makes a folder that is nobody else's. What later operations must know is kept as a runtime property.
set -euo pipefail

folder=$(mktemp -d "${TMPDIR:-/tmp}/hello.XXXXXX")
ctx instance runtime-properties folder "$folder"

ctx logger info "Made the folder $folder"
