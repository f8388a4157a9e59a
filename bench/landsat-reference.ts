import { existsSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { closedForms } from '../src/processors/l2a/closed-forms.js'
import type { AerosolModel } from '../src/processors/l2a/definition.js'
import { pressureAtAltitude } from '../src/processors/l2a/pressure.js'
import { computedAngles } from '../src/products/landsat/angles.js'
import { readL1tpMetadata } from '../src/products/landsat/read-l1tp.js'
import { invert } from './accuracy-measures.js'
import { DATA } from './reference-table.js'

const SCENE = join(DATA, 'landsat-l1-l2-pair/momotombo_west')
export const hasLandsatPair = existsSync(SCENE)

/** Of the scene: what is given to the correction. Nobody measured them there; vapour and ozone are usual for the place and month. */
export const PAIR_ATMOSPHERE = { wv: 3, ozone: 260, altitudeM: 100 } as const
/** USGS: SR = DN x 2.75e-5 - 0.2. */
const SR = { mult: 2.75e-5, add: -0.2 } as const
/** Clear land told from the sensor's own reflectance: blue below this, farther from cloud than so many pixels, NDVI above this. */
const CLEAR = { blue: 0.145, margin: 8, ndvi: 0.3 } as const

/** One band over clear vegetation: reflectance at the sensor, that of USGS (LaSRC), and ours under each atmosphere asked for. */
export interface LandsatComparison {
  readonly band: string
  readonly toa: readonly number[]
  readonly reference: readonly number[]
  readonly ours: readonly (readonly number[])[]
}

interface Image {
  readonly width: number
  readonly height: number
  readonly pixels: Float64Array
}

function read(name: string): Image {
  const dataset = gdal.open(join(SCENE, name))
  try {
    const { x, y } = dataset.rasterSize
    return {
      width: x,
      height: y,
      pixels: Float64Array.from(dataset.bands.get(1).pixels.read(0, 0, x, y) as ArrayLike<number>),
    }
  } finally {
    dataset.close()
  }
}

/**
 * Corrects the crop of Momotombo (Landsat-8, 2015-12-05, level 1) under given atmospheres and compares with the level 2 of USGS over clear
 * vegetation. The level-2 grid begins one column east of the level-1 grid.
 */
export async function compareWithUsgs(
  atmospheres: readonly { readonly aerosol: AerosolModel; readonly aot: number }[],
): Promise<LandsatComparison[]> {
  const product = await readL1tpMetadata(SCENE, { settleSeconds: 0 })
  const angles = computedAngles(product)
  // Seven by ten kilometres: one direction for all of it.
  const sunZenithDeg = angles.sun.zenith[0] ?? NaN
  const sunAzimuthDeg = angles.sun.azimuth[0] ?? NaN
  const view = angles.detectors[0]?.angles
  const toa = new Map(
    product.bands.map(({ id, path, mult, add }) => {
      const image = read(path.slice(SCENE.length + 1))
      const cosine = Math.cos((sunZenithDeg * Math.PI) / 180)
      const pixels = image.pixels.map((dn) => (dn === 0 ? NaN : (dn * mult + add) / cosine))
      return [id, { ...image, pixels }] as const
    }),
  )
  const clear = clearLand(toa)
  const level2 = product.productId.replace('L1TP', 'L2SP')
  return product.bands.map(({ id }) => {
    const own = toa.get(id)
    const reference = read(`${level2}_SR_${id.replace('B0', 'B')}.TIF`)
    const comparison = {
      band: id as string,
      toa: [] as number[],
      reference: [] as number[],
      ours: atmospheres.map(() => [] as number[]),
    }
    const coefficients = atmospheres.map(({ aerosol, aot }) =>
      closedForms.bandCoefficients({
        platform: 'L8',
        band: id,
        sunZenithDeg,
        viewZenithDeg: view?.zenith[0] ?? NaN,
        relativeAzimuthDeg: sunAzimuthDeg - (view?.azimuth[0] ?? NaN),
        aot550: aot,
        wv: PAIR_ATMOSPHERE.wv,
        ozone: PAIR_ATMOSPHERE.ozone,
        pressureHpa: pressureAtAltitude(PAIR_ATMOSPHERE.altitudeM),
        aerosol,
      }),
    )
    for (let y = 0; y < reference.height; y++)
      for (let x = 0; x + 1 < (own?.width ?? 0); x++) {
        const at = y * (own?.width ?? 0) + x + 1
        const stored = reference.pixels[y * reference.width + x] ?? 0
        const rho = own?.pixels[at] ?? NaN
        if (clear[at] !== 1 || stored === 0 || Number.isNaN(rho)) continue
        comparison.toa.push(rho)
        comparison.reference.push(stored * SR.mult + SR.add)
        coefficients.forEach((c, i) => {
          comparison.ours[i]?.push(
            invert(rho, c.gasPath, c.gasTransmittance * c.transmittance, c.sphericalAlbedo),
          )
        })
      }
    return comparison
  })
}

/** 1 at clear vegetation. */
function clearLand(toa: ReadonlyMap<string, Image>): Uint8Array {
  const blue = toa.get('B02')
  const [red, nir] = [toa.get('B04')?.pixels, toa.get('B05')?.pixels]
  if (blue === undefined || red === undefined || nir === undefined) throw new Error('a band vanished')
  const { width, height, pixels } = blue
  const clear = Uint8Array.from(pixels, (_, i) => {
    const [r, n] = [red[i] ?? NaN, nir[i] ?? NaN]
    return (n - r) / (n + r) > CLEAR.ndvi ? 1 : 0
  })
  pixels.forEach((rho, i) => {
    if (rho < CLEAR.blue) return
    const [x, y] = [i % width, Math.floor(i / width)]
    for (let j = Math.max(0, y - CLEAR.margin); j <= Math.min(height - 1, y + CLEAR.margin); j++)
      clear.fill(
        0,
        j * width + Math.max(0, x - CLEAR.margin),
        j * width + Math.min(width, x + CLEAR.margin + 1),
      )
  })
  return clear
}
