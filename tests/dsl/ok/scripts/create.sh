#!/bin/sh
ctx logger info "creating"
