import { execa } from 'execa'

/** GDAL's own validation (osgeo_utils, installed with gdal-bin): what it complains of, nothing for a valid COG. */
export async function validateCog(path: string): Promise<string> {
  // Debian's interpreter by its path: another python3 first in PATH would not have GDAL's module.
  const { stdout, stderr, exitCode } = await execa(
    '/usr/bin/python3',
    ['-m', 'osgeo_utils.samples.validate_cloud_optimized_geotiff', path],
    { reject: false },
  )
  return exitCode === 0 && stdout.includes('is a valid cloud optimized GeoTIFF') ? '' : `${stdout}${stderr}`
}
