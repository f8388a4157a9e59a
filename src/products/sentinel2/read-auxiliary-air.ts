import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { forecastAir, type ForecastField } from '../../domain/forecast-air.js'
import { NO_AUXILIARY_AIR, type AuxiliaryAir } from '../../domain/l1-scene.js'
import { readRasterMeans } from '../../raster/read-raster-means.js'

/**
 * The means of the forecast that comes with a Sentinel-2 product in `AUX_DATA` (AUX_ECMWFT since baseline 02.07, AUX_CAMSFO in later ones; GRIB on a grid of 0.125 or 0.4 degrees over the tile). Null for what is
 * not there, cannot be read, or makes no sense: the forecast is a help and no input. `notes` say of what cannot be read.
 */
export async function readAuxiliaryAir(
  granulePath: string,
): Promise<{ readonly air: AuxiliaryAir; readonly notes: readonly string[] }> {
  const folder = join(granulePath, 'AUX_DATA')
  const files = (await readdir(folder).catch(() => []))
    .filter((name) => /^AUX_(ECMWF|CAMS)/.test(name))
    .sort()
  const notes: string[] = []
  const fields: ForecastField[] = []
  for (const name of files)
    try {
      fields.push(...(await readRasterMeans(join(folder, name))))
    } catch (error) {
      notes.push(
        `The forecast '${name}' beside the images was not used: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  if (fields.length === 0) return { air: NO_AUXILIARY_AIR, notes }
  const found = forecastAir(fields)
  return { air: found.air, notes: [...notes, ...found.notes] }
}
