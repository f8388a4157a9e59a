#!/bin/sh
# floor.sh SAFE OUTPUTS WORK: what no corrector can do without, by two gdal_translate processes side by side: decodes every JP2 below SAFE, and encodes every
# uncompressed raster OUTPUTS/*.tif as a COG with overviews, DEFLATE 1 and predictor 2, as products have them. Throws both away.
set -eu
export GDAL_NUM_THREADS=1 GDAL_PAM_ENABLED=NO WORK="$3"
{
  find "$1" -name '*.jp2' -size +0 -printf '%s %p\0'
  find "$2" -name '*.tif' -printf '%s %p\0'
} | sort -z -rn | sed -z 's/^[0-9]* //' |
  xargs -0 -n 1 -P 2 sh -c '
    made="$WORK/floor-$$.tif"
    case "$1" in
      *.jp2) gdal_translate -q -of GTiff "$1" "$made" ;;
      *) gdal_translate -q -of COG -co COMPRESS=DEFLATE -co LEVEL=1 -co PREDICTOR=YES -co BLOCKSIZE=512 -co OVERVIEW_RESAMPLING=AVERAGE "$1" "$made" ;;
    esac && rm -f "$made"' sh
