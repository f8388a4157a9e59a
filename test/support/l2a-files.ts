const BANDS = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12']

/** What a chain remembers, of each platform. */
export const STATE_RASTERS: readonly string[] = [
  ...['blue', 'green', 'red', 'nir', 'swir16', 'days'].flatMap((what) => [what, `finer_${what}`]),
  ...['ratio', 'ratio_sigma'],
].map((what) => `STATE_${what}.tif`)

/** Rasters of an L2A product of Sentinel-2 that was made without elevation, sorted. */
export const L2A_RASTERS: readonly string[] = [
  ...BANDS.map((band) => `${band}_sre.tif`),
  ...['AOT.tif', 'WV.tif', 'MASK.tif', 'SCL.tif', 'SZA.tif', 'SAA.tif', 'VZA.tif', 'VAA.tif'],
  ...STATE_RASTERS,
].sort()

/** The same with elevation, which adds what slopes would reflect if they were level. */
export const L2A_RASTERS_WITH_SLOPES: readonly string[] = [
  ...L2A_RASTERS,
  ...BANDS.map((band) => `${band}_fre.tif`),
].sort()

/** All files of such a product. */
export const L2A_FILES: readonly string[] = [
  ...L2A_RASTERS,
  ...['angles.json', 'item.json', 'quicklook.png', 'report.json'],
].sort()
