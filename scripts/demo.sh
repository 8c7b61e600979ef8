#!/usr/bin/env bash
# Installs what is needed into .venv, then finds a lottery ticket in an SNGAN on handwritten digits:
# see README.md.
# Further flags are passed on: bash scripts/demo.sh --rounds=12

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install
exec .venv/bin/python scripts/find_ticket.py \
    --flagfile=flags/sngan_digits.flags --run_dir=runs/demo "$@"
