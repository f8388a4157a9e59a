#!/bin/sh
# scripts/test.sh ROOT [FILE...]: all checks and tests, or only the named test files.
set -eu
root=$1
shift
cd "$root"
[ $# -gt 0 ] || sh scripts/packages.sh clang-format=clang-format xz=xz-utils >>build/setup.log || exit 69
# Where Slurm cannot be installed its tests are skipped and say so; the rest does not depend on it.
[ $# -gt 0 ] || sh scripts/packages.sh slurmctld=slurm-wlm munged=munge >>build/setup.log 2>&1 ||
  echo "tilth: Slurm could not be installed; tests with a real one are skipped" >&2
exec node scripts/run-tests.mjs "$@"
