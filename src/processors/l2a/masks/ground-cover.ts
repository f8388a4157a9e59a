import { SCL } from '../scene-mask.js'
import type { MaskCells } from './mask-cells.js'

/** Vegetation from this NDVI on (T2_NDVI). */
const VEGETATION_NDVI = 0.42
/** Vegetation, too, where the near infrared is so many times the green: crops that turn yellow (T2_R_B8A_B03). */
const VEGETATION_NIR_GREEN = 2.5
/** Soil where blue is less than this part of the short-wave infrared (T11_R_B02_B11). */
const SOIL_BLUE_SWIR = 0.7
/** Brighter in the blue than a line over that part, within limits, it may as well be cloud (T11_B02, T12_B02). */
const SOIL_BLUE = { slope: -0.4, at0: 0.46, least: 0.15, most: 0.32 }

/**
 * Class in SCL.tif of ground that is known to be clear land, from its reflectance, unit 1: vegetation, not vegetated, or unclassified where neither holds or a value is NaN.
 * After Sen2Cor's scene classification, which looks at the reflectance at the sensor as well: its steps 3 (NDVI), 4 (NIR / green) and 5 (blue / SWIR), Louis et al., Sen2Cor ATBD 2.10, with the numbers of its
 * parameter file L2A_CAL_SC_GIPP.xml, whose names stand above. Step 6 (sand in deserts) is left out: its limits stand in Sen2Cor's code alone.
 */
export function coverClass(blue: number, green: number, red: number, nir: number, swir16: number): number {
  if (!(swir16 > 0 && nir > 0) || Number.isNaN(blue + green + red)) return SCL.unclassified
  if (nir - red >= VEGETATION_NDVI * (nir + red) || nir >= VEGETATION_NIR_GREEN * green) return SCL.vegetation
  const ratio = blue / swir16
  const { slope, at0, least, most } = SOIL_BLUE
  const isSoil = ratio < SOIL_BLUE_SWIR && blue < Math.max(least, Math.min(most, at0 + slope * ratio))
  return isSoil ? SCL.notVegetated : SCL.unclassified
}

/** `coverClass` of each cell, by its reflectance at the sensor. On shared memory, for the kernels that lay it on pixels. */
export function coverOfCells({ bands }: Pick<MaskCells, 'bands'>): Uint8Array {
  const { blue, green, red, nir, swir16 } = bands
  const cover = new Uint8Array(new SharedArrayBuffer(blue.length))
  for (let i = 0; i < cover.length; i++)
    cover[i] = coverClass(blue[i]!, green[i]!, red[i]!, nir[i]!, swir16[i]!)
  return cover
}
