import gdal from './gdal.js'

/** Version of the GDAL in use, such as `3.6.2`. */
export const gdalVersion = (): string => gdal.version

/**
 * Settings of GDAL for block streaming: parallelism is ours (one thread a decode), every block is read once, so a large cache would
 * only hold memory, and no .aux.xml is written beside a user's files.
 */
export function configureGdal(): void {
  gdal.config.set('GDAL_NUM_THREADS', '1')
  gdal.config.set('GDAL_CACHEMAX', '64')
  gdal.config.set('GDAL_PAM_ENABLED', 'NO')
}
