# Sourced by demo.sh and test.sh: makes or reuses .venv and installs the package with its pinned
# versions.
#
#   install [EXTRA]    e.g. install test

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

fail() {
    echo "error: $*" >&2
    exit 1
}

find_python() {
    local name check='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'
    for name in "${PYTHON:-}" python3.12 python3.11 python3.10 python3 python; do
        if [ -n "$name" ] && "$name" -c "$check" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.10, 3.11 or 3.12 is needed and was not found" \
        "(python3 is $(python3 --version 2>&1 || echo missing));" \
        "install one, or name it: PYTHON=/path/to/python3.11 bash $0"
}

# Whether the package that is installed in .venv is the one here. An environment holds the path that
# it was made for: renamed or copied with its clone, it runs the old place's package, or none. One
# that is a link is the user's own affair.
is_of_here() {
    local origin find='import importlib.util as u; print(u.find_spec("tf_gan_lth").origin)'
    [ -L .venv ] && return
    origin="$(cd / && "$ROOT/.venv/bin/python" -I -c "$find" 2>/dev/null)" || return
    [ "$origin" -ef "$ROOT/tf_gan_lth/__init__.py" ]
}

# What pip says, on a terminal; elsewhere a line for every tenth package and for the end.
pip_install() {
    local pip=(.venv/bin/python -m pip install --disable-pip-version-check)
    if [ -t 1 ]; then
        "${pip[@]}" "$@"
    else
        "${pip[@]}" --progress-bar off "$@" | awk '
            /^Collecting / { if (++found % 10 == 0) print "  " found " packages found"; fflush() }
            /^Installing collected/ { print "  installing " found " packages"; fflush() }'
    fi
}

install() {
    local package=".${1:+[$1]}" stamp=".venv/installed${1:+-$1}" python
    if ls .venv/installed* >/dev/null 2>&1 && ! is_of_here; then
        echo "The environment .venv was made for another place: it is made again."
        rm -rf .venv
    fi
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
        python="$(find_python)"
        echo "Making .venv with $("$python" --version)."
        "$python" -m venv --clear .venv ||
            fail "cannot make .venv with $python; on Debian and Ubuntu: apt install python3-venv"
    fi
    if [ ! -f "$stamp" ] || [ setup.cfg -nt "$stamp" ] || [ constraints.txt -nt "$stamp" ]; then
        echo "Installing the package and its pinned versions into .venv:" \
            "a few minutes the first time."
        pip_install --constraint constraints.txt --editable "$package" ||
            fail "the installation failed: pip's message is above; it needs the package index" \
                "and 3 GB of disk. Remove .venv to start over."
        touch "$stamp"
    fi
}
