#!/bin/sh
# Inputs are variables; `ctx` stores what other nodes, outputs and people want to know.
set -e
ctx logger info "Greeting $name"
ctx instance runtime-properties text "Hello, $name"
