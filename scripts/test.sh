#!/usr/bin/env bash
# Installs what is needed into .venv, then checks format and lint and runs the tests.
# Arguments go to pytest: bash scripts/test.sh tests/lottery -x

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install test
.venv/bin/ruff format --check --quiet . || fail "format: run .venv/bin/ruff format"
.venv/bin/ruff check --quiet .
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
# Two at a time, each file in one process: its lotteries are shared by its tests.
exec .venv/bin/python -m pytest --numprocesses=2 --dist=loadfile "$@"
