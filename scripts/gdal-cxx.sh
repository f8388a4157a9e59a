#!/bin/sh
# scripts/gdal-cxx.sh ARG...: the compiler TILTH_CXX for the sources of the GDAL binding in TILTH_GDAL_SRC. The headers of V8 and GDAL that nearly all of them
# begin with are compiled once, with the flags of the first of them; where that does not work they are compiled with each, as without this script.
header=$TILTH_GDAL_SRC/gdal_layer.hpp
case " $* " in *" -c "*) ;; *) exec $TILTH_CXX "$@" ;; esac
# The same command without its source, its outputs and the warnings, for the header.
precompile() {
  for arg in "$@"; do
    shift
    case ${skip:-} in 1) skip=; continue ;; esac
    case $arg in
      -o | -MF) skip=1 ;;
      -c | -MMD | *.cpp) ;;
      *) set -- "$@" "$arg" ;;
    esac
  done
  $TILTH_CXX "$@" -w -x c++-header "$header" -o "$header.part" && mv "$header.part" "$header.gch"
}
# Whoever comes first does it, the others wait; once, also where it fails.
exec 8>"$header.lock"
if command -v flock >/dev/null 2>&1 && flock 8 && ! [ -e "$header.tried" ]; then
  : >"$header.tried"
  (precompile "$@")
fi
exec 8>&-
exec $TILTH_CXX -include "$header" "$@"
