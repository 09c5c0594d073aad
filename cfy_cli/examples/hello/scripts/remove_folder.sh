#!/usr/bin/env bash
# Removes the folder, if it was ever made: an install may have failed before.
set -euo pipefail

folder=$(ctx instance runtime-properties folder 2>/dev/null) || exit 0
rm -rf "$folder"

ctx logger info "Removed the folder $folder"
