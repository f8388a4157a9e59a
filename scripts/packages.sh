#!/bin/sh
# scripts/packages.sh NAME=PACKAGE...: installs the Debian packages whose command or header is missing.
# NAME is a command, or a path that must exist. Without the right to install: prints the line to run, exit 69.
set -eu
missing=''
for pair in "$@"; do
  name=${pair%%=*} package=${pair#*=}
  case $name in
    /*) [ -e "$name" ] || missing="$missing $package" ;;
    *) command -v "$name" >/dev/null 2>&1 || missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0
line="apt-get update && apt-get install -y --no-install-recommends$missing"
as=''
if ! command -v apt-get >/dev/null 2>&1; then
  echo "tilth: needed and not found:$missing (names of Debian 12; this system has no apt-get)" >&2
  exit 69
fi
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as='sudo -n'; else
    echo "tilth: system packages are missing and this user may not install them. Run as root:" >&2
    echo "$line" >&2
    exit 69
  fi
fi
echo "tilth: installing system packages:$missing" >&2
$as apt-get update
# The list is split into words on purpose.
# shellcheck disable=SC2086
$as env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
