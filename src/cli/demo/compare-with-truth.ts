import { join } from 'node:path'
import { openRaster } from '../../raster/open-raster.js'

/** Errors of one band of a product against the simulator's truth: stored reflectance / 10000, unit 1. */
export interface BandError {
  /** Common name of the band, the same for all sensors. */
  readonly name: string
  readonly bias: number
  readonly rmse: number
  /** Pixels compared: valid in both. */
  readonly pixels: number
}

/** A band under its name in the product and in the truth. */
export interface ComparedBand {
  readonly name: string
  readonly band: string
  readonly truthBand: string
}

/** Compares the surface reflectance of one band, pixel by pixel. Both rasters must have one size; else GRID_MISMATCH would have been raised before. */
export async function compareBand(
  productFolder: string,
  truthFolder: string,
  { band, truthBand, name }: ComparedBand,
): Promise<BandError> {
  const product = await openRaster(join(productFolder, `${band}_sre.tif`))
  const truth = await openRaster(join(truthFolder, `${truthBand}.tif`))
  try {
    const window = { x: 0, y: 0, width: product.width, height: product.height }
    const ours = new Int16Array(product.width * product.height)
    const reference = new Int16Array(ours.length)
    await product.read(0, window, ours)
    await truth.read(0, window, reference)
    let [pixels, sum, squares] = [0, 0, 0]
    for (const [i, value] of ours.entries()) {
      const expected = reference[i] ?? -32768
      if (value === -32768 || expected === -32768) continue
      const difference = (value - expected) / 10000
      pixels++
      sum += difference
      squares += difference * difference
    }
    return { name, pixels, bias: sum / pixels, rmse: Math.sqrt(squares / pixels) }
  } finally {
    product.close()
    truth.close()
  }
}
