#!/bin/sh
# Install uv from PyPI into .uv/ with any Python 3; do nothing if it exists.
set -eu
version=0.13.9
root=$(cd "$(dirname "$0")/.." && pwd)
command -v uv >/dev/null 2>&1 && exit 0

# Outside the project: its .python-version could name a version that a version manager lacks.
cd /
for python in python3 /usr/bin/python3 python; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
    echo "uv $version, into .uv/"
    if "$python" -m venv "$root/.uv" 2>/dev/null; then
        "$root/.uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$version"
    else # Debian's python3 comes without venv
        "$python" -m pip install --quiet --disable-pip-version-check --target "$root/.uv/lib" "uv==$version"
        mkdir -p "$root/.uv/bin" && ln -sf ../lib/bin/uv "$root/.uv/bin/uv"
    fi
    exit 0
done
echo "make: needs uv (https://docs.astral.sh/uv/) or any Python from 3.8 on to install it with." >&2
exit 1
