#!/bin/sh
# scripts/test.sh ROOT [FILE...]: all checks and tests, or only the named test files.
set -eu
root=$1
shift
cd "$root"
[ $# -gt 0 ] || sh scripts/packages.sh clang-format=clang-format xz=xz-utils >>build/setup.log || exit 69
exec node scripts/run-tests.mjs "$@"
