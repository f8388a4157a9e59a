#!/bin/sh
# decode-all.sh FOLDER OUT: decodes every JP2 below FOLDER by two gdal_translate processes side by side, uncompressed, and throws the result away.
set -eu
export GDAL_NUM_THREADS=1 GDAL_PAM_ENABLED=NO OUT="$2"
find "$1" -name '*.jp2' -size +0 -printf '%s %p\0' | sort -z -rn | sed -z 's/^[0-9]* //' |
  xargs -0 -n 1 -P 2 sh -c 'gdal_translate -q -of GTiff "$1" "$OUT/floor-$$.tif" && rm -f "$OUT/floor-$$.tif"' sh
