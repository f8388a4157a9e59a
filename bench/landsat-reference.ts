import { existsSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import type { Grid } from '../src/domain/grid.js'
import { placesOf } from '../src/kernels/scale-by-nodes.js'
import { pressureAtAltitude } from '../src/processors/l2a/pressure.js'
import { computedAngles } from '../src/products/landsat/angles.js'
import { readL1tpMetadata } from '../src/products/landsat/read-l1tp.js'
import { correct, shippedModel } from './accuracy-measures.js'
import { NO_AUXILIARY_AIR, type L1SceneBand } from '../src/domain/l1-scene.js'
import { findAtmosphere } from '../src/processors/l2a/find-atmosphere.js'
import type { FoundAtmosphere } from '../src/processors/l2a/found-atmosphere.js'
import type { ToaBand } from '../src/processors/l2a/toa-cells.js'
import { DATA } from './reference-table.js'

const SCENE = join(DATA, 'landsat-l1-l2-pair/momotombo_west')
export const hasLandsatPair = existsSync(SCENE)

/** Of the scene: what is given to the correction. Nobody measured them there; vapour and ozone are usual for the place and month. */
export const PAIR_ATMOSPHERE = { wv: 3, ozone: 260, altitudeM: 100 } as const
/** USGS: SR = DN x 2.75e-5 - 0.2. */
const SR = { mult: 2.75e-5, add: -0.2 } as const
/** Clear ground told from the sensor's own reflectance: blue below this, farther from what is not than so many pixels. */
const CLEAR = { blue: 0.145, margin: 8 } as const

/** Air under which the pair is corrected: one AOT, or one for each cell of `CELL` pixels, bilinear between their centres. */
export interface PairAir {
  readonly aerosol: string
  readonly aot: number | { readonly grid: Grid; readonly aot: Float32Array }
}

/** Kinds of ground that are compared, clear of clouds. */
export type PairGround = 'land' | 'water'
/** By the sensor's own NDVI and reflectance at 1.6 um (B6), in which shadows over land are brighter than water. */
const IS_GROUND: Readonly<Record<PairGround, (ndvi: number, swir16: number) => boolean>> = {
  land: (ndvi) => ndvi > 0.3,
  water: (ndvi, swir16) => ndvi < 0 && swir16 < 0.05,
}

/** One band over one kind of clear ground: reflectance at the sensor, that of USGS (LaSRC), and ours under each atmosphere asked for. */
export interface LandsatComparison {
  readonly band: string
  /** Of the pixels that both levels have. */
  readonly share: number
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
 * vegetation or water. The level-2 grid begins one column east of the level-1 grid.
 */
export async function compareWithUsgs(
  atmospheres: readonly PairAir[],
  ground: PairGround = 'land',
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
  const wanted = clearOf(ground, toa)
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
    const coefficientsOf = (aerosol: string, aot550: number) =>
      shippedModel().bandCoefficients({
        platform: 'L8',
        band: id,
        sunZenithDeg,
        viewZenithDeg: view?.zenith[0] ?? NaN,
        relativeAzimuthDeg: sunAzimuthDeg - (view?.azimuth[0] ?? NaN),
        aot550,
        wv: PAIR_ATMOSPHERE.wv,
        ozone: PAIR_ATMOSPHERE.ozone,
        pressureHpa: pressureAtAltitude(PAIR_ATMOSPHERE.altitudeM),
        aerosol,
      })
    const corrections = atmospheres.map(({ aerosol, aot }) => {
      if (typeof aot === 'number') {
        const coefficients = coefficientsOf(aerosol, aot)
        return (rho: number) => correct(rho, coefficients)
      }
      const steps: ReturnType<typeof coefficientsOf>[] = []
      const at = bilinear(aot.aot, aot.grid)
      return (rho: number, x: number, y: number) => {
        const step = at(x, y) / AOT_STEP
        const low = Math.floor(step)
        const of = (n: number) => correct(rho, (steps[n] ??= coefficientsOf(aerosol, n * AOT_STEP)))
        return of(low) + (step - low) * (of(low + 1) - of(low))
      }
    })
    let measured = 0
    for (let y = 0; y < reference.height; y++)
      for (let x = 0; x + 1 < (own?.width ?? 0); x++) {
        const at = y * (own?.width ?? 0) + x + 1
        const stored = reference.pixels[y * reference.width + x] ?? 0
        const rho = own?.pixels[at] ?? NaN
        if (stored === 0 || Number.isNaN(rho)) continue
        measured++
        if (wanted[at] !== 1) continue
        comparison.toa.push(rho)
        comparison.reference.push(stored * SR.mult + SR.add)
        corrections.forEach((corrected, i) => {
          comparison.ours[i]?.push(corrected(rho, x + 1, y))
        })
      }
    return { ...comparison, share: comparison.reference.length / measured }
  })
}

/** 1 at clear ground of one kind. */
function clearOf(ground: PairGround, toa: ReadonlyMap<string, Image>): Uint8Array {
  const blue = toa.get('B02')
  const [red, nir, swir] = ['B04', 'B05', 'B06'].map((id) => toa.get(id)?.pixels)
  if (blue === undefined || red === undefined || nir === undefined || swir === undefined)
    throw new Error('a band vanished')
  const { width, height, pixels } = blue
  const clear = Uint8Array.from(pixels, (_, i) => {
    const [r, n] = [red[i] ?? NaN, nir[i] ?? NaN]
    return IS_GROUND[ground]((n - r) / (n + r), swir[i] ?? NaN) ? 1 : 0
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

/** Pixels of 30 m along a cell. */
const CELL = 8
/** Between AOTs so far apart reflectance is taken as linear. */
const AOT_STEP = 0.02

/** Value at a pixel of what stands at the centres of cells; beyond the outer centres theirs. */
function bilinear(values: Float32Array, { width, height }: Grid): (x: number, y: number) => number {
  const first = 0.5 / CELL - 0.5
  const across = placesOf(0, width * CELL, first, 1 / CELL, width)
  const down = placesOf(0, height * CELL, first, 1 / CELL, height)
  return (x, y) => {
    const at = down.index[y]! * width + across.index[x]!
    const onRow = (from: number) => values[from]! + across.share[x]! * (values[from + 1]! - values[from]!)
    return onRow(at) + down.share[y]! * (onRow(at + width) - onRow(at))
  }
}

/** The atmosphere that our own method finds above the crop, from level 1 alone: AOT and aerosol from the image, vapour and ozone as given elsewhere here. */
export async function findForPair(aerosol: string): Promise<FoundAtmosphere> {
  const product = await readL1tpMetadata(SCENE, { settleSeconds: 0 })
  const angles = computedAngles(product)
  const first = angles.detectors[0]
  if (first === undefined) throw new Error('no view angles')
  const cosine = Math.cos(((angles.sun.zenith[0] ?? NaN) * Math.PI) / 180)
  const measured = new Map<string, ToaBand>()
  let size = { width: 0, height: 0 }
  for (const { id, path, mult, add } of product.bands) {
    const { width, height, pixels } = read(path.slice(SCENE.length + 1))
    size = { width: Math.ceil(width / CELL), height: Math.ceil(height / CELL) }
    const [sums, counts] = [
      new Float64Array(size.width * size.height),
      new Int32Array(size.width * size.height),
    ]
    pixels.forEach((dn, i) => {
      if (dn === 0) return
      const cell = Math.floor(Math.floor(i / width) / CELL) * size.width + Math.floor((i % width) / CELL)
      sums[cell]! += dn
      counts[cell]! += 1
    })
    const rho = Float32Array.from(sums, (sum, i) =>
      counts[i]! < (CELL * CELL) / 2 ? NaN : ((sum / counts[i]!) * mult + add) / cosine,
    )
    const detectors = Uint32Array.from(rho, (v) => (Number.isNaN(v) ? 0 : 1 << first.detector))
    measured.set(id, { rho, isSaturated: new Uint8Array(rho.length), detectors })
  }
  const grid = { ...product.grid, ...size, pixelWidthM: 30 * CELL, pixelHeightM: 30 * CELL }
  const bands = product.bands.map(({ id }) => ({ id, detectors: [first] })) as unknown as L1SceneBand[]
  const hpa = pressureAtAltitude(PAIR_ATMOSPHERE.altitudeM)
  return findAtmosphere({
    ...{ model: shippedModel(), scene: { satellite: 'landsat', sensor: 'L8', sun: angles.sun, bands } },
    ...{ cells: { grid, bands: measured }, nodesHpa: [hpa], state: null, day: 0 },
    pressureHpa: new Float32Array(size.width * size.height).fill(hpa),
    params: { aot: 'auto', wv: PAIR_ATMOSPHERE.wv, ozone: PAIR_ATMOSPHERE.ozone, aerosol, adjacency: false },
    auxiliary: NO_AUXILIARY_AIR,
    isCovered: new Uint8Array(size.width * size.height),
  })
}
