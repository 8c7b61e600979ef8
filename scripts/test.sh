#!/usr/bin/env bash
# Installs what is needed into .venv, then checks format and lint and runs the tests.
#
#   bash scripts/test.sh                     all but the slow ones
#   bash scripts/test.sh --all               all of them
#   bash scripts/test.sh tests/methods -x    further arguments go to pytest

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install test
.venv/bin/ruff format --check --quiet . || fail "format: run .venv/bin/ruff format"
.venv/bin/ruff check --quiet .
docs=(README.md CONTRIBUTING.md CHANGELOG.md docs)
.venv/bin/mdformat --check "${docs[@]}" || fail "docs: run .venv/bin/mdformat ${docs[*]}"
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
chosen=(-m "not slow")
if [ "${1:-}" = "--all" ]; then
    chosen=()
    shift
fi
# Networks here are so small that threads within an operation cost more than they bring.
export TF_NUM_INTRAOP_THREADS="${TF_NUM_INTRAOP_THREADS:-1}"
# Two at a time, each file in one process: its lotteries are shared by its tests. Files with slow
# tests begin (tests/conftest.py), not those with many.
exec .venv/bin/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder \
    "${chosen[@]}" "$@"
