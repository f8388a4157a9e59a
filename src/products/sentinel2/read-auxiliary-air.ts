import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NO_AUXILIARY_AIR, type AuxiliaryAir } from '../../domain/l1-scene.js'
import { readRasterMeans, type RasterMean } from '../../raster/read-raster-means.js'

/** kg/m2 of ozone in one Dobson unit: 2.6867e20 molecules/m2 of 48 g/mol. */
const KG_PER_DU = 2.1415e-5
/** kg/m2 of water in 1 g/cm2. */
const KG_PER_G_CM2 = 10

/** How GDAL names the fields of ECMWF's forecast and of CAMS: parameters 137 (or 136), 206 and 210.207 of ECMWF's tables. */
const FIELDS = {
  wv: /precipitable water|total column (vertically-integrated )?water|var13[67] /i,
  ozone: /total column ozone|var206 /i,
  aot: /aerosol optical (depth|thickness) at 550|var207 of table 210/i,
} as const

/**
 * The means of the forecast that comes with a Sentinel-2 product in `AUX_DATA` (AUX_ECMWFT since baseline 02.07, AUX_CAMSFO in later ones; GRIB on a grid of 0.125 or 0.4 degrees over the tile): vapour above
 * the model's ground as it is (g/cm2), ozone (DU), AOT. Null for what is not there, cannot be read, or makes no sense: the forecast is a help and no input. `notes` say of what cannot be read.
 */
export async function readAuxiliaryAir(
  granulePath: string,
): Promise<{ readonly air: AuxiliaryAir; readonly notes: readonly string[] }> {
  const folder = join(granulePath, 'AUX_DATA')
  const files = (await readdir(folder).catch(() => []))
    .filter((name) => /^AUX_(ECMWF|CAMS)/.test(name))
    .sort()
  const notes: string[] = []
  const means: RasterMean[] = []
  for (const name of files)
    try {
      means.push(...(await readRasterMeans(join(folder, name))))
    } catch (error) {
      notes.push(
        `The forecast '${name}' beside the images was not used: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  const of = (field: keyof typeof FIELDS, perUnit: number, least: number, most: number): number | null => {
    const found = means.find(({ description }) => FIELDS[field].test(description))
    if (found === undefined) return null
    const value = found.mean / perUnit
    if (value >= least && value <= most) return value
    notes.push(
      `The forecast's ${field} of ${value.toPrecision(3)} makes no sense (expected ${least} to ${most}) and was not used.`,
    )
    return null
  }
  const air = {
    wv: of('wv', KG_PER_G_CM2, 0, 8),
    ozone: of('ozone', KG_PER_DU, 100, 600),
    aot: of('aot', 1, 0, 2),
  }
  return { air: means.length === 0 ? NO_AUXILIARY_AIR : air, notes }
}
