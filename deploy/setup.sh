#!/usr/bin/env bash
# Installs what Watchkeeper needs: uv in a private environment, the locked Python
# packages, and the Debian packages that no wheel carries. `setup.sh tests` adds
# what only the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }
stop() { say "setup: $*"; exit 1; }

# Installs Debian packages when this user may; else names them.
debian() {
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "setup: installing $*"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >/dev/null || true
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
            stop "apt-get could not install $*; install them by hand and run make again"
    elif command -v apt-get >/dev/null && command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo apt-get update -qq >/dev/null || true
        sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
            stop "apt-get could not install $*; install them by hand and run make again"
    else
        stop "these Debian packages are missing and this user may not install them: $*
Install them (apt-get install $*) and run make again."
    fi
}

has_library() {
    "$PYTHON" -c 'import ctypes.util, sys; sys.exit(ctypes.util.find_library(sys.argv[1]) is None)' "$1"
}

tests() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v pdfsig >/dev/null || missing+=(poppler-utils)
    command -v strace >/dev/null || missing+=(strace)
    if [ ${#missing[@]} -gt 0 ]; then debian "${missing[@]}"; fi
}

libraries() {
    local missing=()
    has_library pango-1.0 || missing+=(libpango-1.0-0)
    has_library pangoft2-1.0 || missing+=(libpangoft2-1.0-0)
    has_library harfbuzz-subset || missing+=(libharfbuzz-subset0)
    compgen -G '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' >/dev/null || missing+=(fonts-dejavu-core)
    if [ ${#missing[@]} -gt 0 ]; then debian "${missing[@]}"; fi
}

python_version() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        stop "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.12"
}

private_uv() {
    command -v uv >/dev/null && { command -v uv; return; }
    if [ ! -x .setup/uv/bin/uv ]; then
        "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv
        say "setup: installing uv into .setup/uv"
        "$PYTHON" -m venv .setup/uv
        .setup/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
    fi
    echo .setup/uv/bin/uv
}

mkdir -p .setup
if [ "${1:-}" = tests ]; then
    tests
    exit 0
fi
python_version
libraries
uv=$(private_uv)
say "setup: installing the locked packages"
"$uv" sync --quiet --frozen --all-packages --python "$PYTHON"
