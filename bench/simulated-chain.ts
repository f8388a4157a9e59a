import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { archiveLimits } from '../src/config/archive-limits.js'
import type { Grid } from '../src/domain/grid.js'
import { tileSquare } from '../src/domain/mgrs.js'
import { createStrips } from '../src/raster/encode-jp2.js'
import { correctToFolder } from '../src/runner/l2a/correct-to-folder.js'
import { Landscape } from '../src/simulator/landscape.js'
import { hash } from '../src/simulator/noise.js'
import { simulateL1c } from '../src/simulator/simulate-l1c.js'
import type { UnknownsOptions } from '../src/simulator/unknowns/unknowns.js'
import { scoreDate, type DateScore } from './chain-scores.js'

/** One landscape for all chains: 1508 m of relief in 18 km, woods, fields, some water. */
const [TILE, SEED, ORBIT, PIXEL_M] = ['31TCJ', 125, 51, 30] as const

/** Air and clouds of the dates of a chain, 10 days apart on one orbit. AOT at sea level, g/cm2, DU, shares of the sky. */
export interface Sky {
  readonly date: string
  readonly aot: number
  readonly wv: number
  readonly ozoneDu: number
  readonly clouds: number
  readonly cirrus: number
}
export const SKIES: readonly Sky[] = [
  { date: '2025-04-20', aot: 0.1, wv: 1.2, ozoneDu: 345, clouds: 0.15, cirrus: 0 },
  { date: '2025-04-30', aot: 0.25, wv: 1.6, ozoneDu: 330, clouds: 0.3, cirrus: 0.1 },
  { date: '2025-05-10', aot: 0.05, wv: 1, ozoneDu: 350, clouds: 0.25, cirrus: 0 },
  { date: '2025-05-20', aot: 0.4, wv: 2.4, ozoneDu: 320, clouds: 0.4, cirrus: 0.2 },
  { date: '2025-05-30', aot: 0.15, wv: 2, ozoneDu: 335, clouds: 0.2, cirrus: 0 },
  { date: '2025-06-09', aot: 0.6, wv: 3.2, ozoneDu: 315, clouds: 0.1, cirrus: 0.1 },
  { date: '2025-06-19', aot: 0.3, wv: 2.8, ozoneDu: 310, clouds: 0.5, cirrus: 0 },
  { date: '2025-06-29', aot: 0.2, wv: 2.2, ozoneDu: 320, clouds: 0.25, cirrus: 0.3 },
]
/** What is told of ozone is wrong by so much unless a setup says otherwise, DU, one way and the other: as a forecast is. */
const OZONE_ERROR_DU = 8

/** Everything that the retrieval does not know. */
export const ALL_UNKNOWNS = {
  ...{ aerosolScaleHeightM: 1600, slopes: true, adjacency: true, directional: true },
  ...{ calibration: 0.02, jitterPx: 0.3, spectra: 0.15, change: 0.06 },
} as const satisfies UnknownsOptions

export interface ChainSetup {
  readonly skies: readonly Sky[]
  readonly extentM: number
  readonly unknowns: UnknownsOptions
  /** Standard deviation of the elevation given, m, correlated over 60 m; it is told, as the sheet of a model tells it. */
  readonly demErrorM: number
  /** How far off what is told of ozone is, DU; default 8. */
  readonly ozoneErrorDu?: number
  /** Uneven air: largest relative deviation. */
  readonly airVariation: number
  /** What the retrieval is told beside elevation and ozone. */
  readonly parameters: Readonly<Record<string, unknown>>
}

/** Simulates the dates, corrects each with the state of the one before through the product's own pipeline, and scores it. The same setup gives the same scores. */
export async function runChain(setup: ChainSetup): Promise<DateScore[]> {
  const { ozoneErrorDu = OZONE_ERROR_DU } = setup
  const home = mkdtempSync(join(tmpdir(), 'tilth-chain-'))
  try {
    const dem = join(home, 'dem.tif')
    const altitudeM = writeElevation(dem, setup)
    const scores: DateScore[] = []
    let previous: string | null = null
    for (const [n, sky] of setup.skies.entries()) {
      const made = await simulateL1c({
        ...{
          tile: TILE,
          seed: SEED,
          orbit: ORBIT,
          pixelSizeM: PIXEL_M,
          extentM: setup.extentM,
          withTci: false,
        },
        ...{ outDir: join(home, 'l1'), date: sky.date, aot: sky.aot, wv: sky.wv, ozoneDu: sky.ozoneDu },
        ...{ cloudCover: sky.clouds, cirrus: sky.cirrus, airVariation: setup.airVariation },
        unknowns: setup.unknowns,
      })
      const { folder } = await correctToFolder({
        ...{ product: made.safePath, out: join(home, 'l2a'), previous, force: true },
        ...{ scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}), threads: 2, blockSize: 1024 },
        parameters: {
          ...{ dem, dem_error: setup.demErrorM, max_cloud: 100 },
          ...{ ozone: sky.ozoneDu + (n % 2 === 0 ? ozoneErrorDu : -ozoneErrorDu) },
          ...setup.parameters,
        },
        ...{ codec: 'deflate', signal: new AbortController().signal },
        ...{ onProgress: () => undefined, onNote: () => undefined },
      })
      scores.push(
        scoreDate(sky.date, made.truthDir, folder, {
          altitudeM,
          aerosolScaleHeightM: setup.unknowns.aerosolScaleHeightM ?? null,
        }),
      )
      rmSync(made.safePath, { recursive: true })
      rmSync(made.truthDir, { recursive: true })
      if (previous !== null) rmSync(previous, { recursive: true })
      previous = folder
    }
    return scores
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** The ground's true heights on the finest pixels; `path` gets them with their error, as the retrieval is given them. */
function writeElevation(path: string, { extentM, demErrorM }: ChainSetup): Float32Array {
  mkdirSync(join(path, '..'), { recursive: true })
  const square = tileSquare(TILE)
  const side = Math.ceil(extentM / PIXEL_M)
  const left = square.xmin + square.zone * 1_000_000
  const ground = { easting: left, northing: square.ymax, pixelM: PIXEL_M, width: side, height: side }
  const { altitudeM } = new Landscape(SEED).fill(ground)
  const grid: Grid = {
    ...{ epsg: square.epsg, ulx: square.xmin, uly: square.ymax, width: side, height: side },
    ...{ pixelWidthM: PIXEL_M, pixelHeightM: PIXEL_M },
  }
  const writer = createStrips(path, grid, 'float32', { compress: true, codec: 'deflate', noData: -9999 })
  writer.write(
    0,
    side,
    altitudeM.map((z, i) => z + demErrorM * normalAt(i % side, Math.floor(i / side))),
  )
  writer.close()
  return altitudeM
}

/** Normal numbers with a standard deviation of 1 and a correlation of exp(-(r / 60 m)^2): hashed ones under a Gaussian of 60 m / 2 (so the product of two has the width asked for). */
function normalAt(column: number, row: number): number {
  const [reach, sigma] = [4, 60 / 2 / PIXEL_M]
  let [sum, squares] = [0, 0]
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
      const h = hash(column + dx, row + dy, SEED + 900)
      // Four bytes together are nearly normal, with a standard deviation of 147.8.
      sum += (weight * ((h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255) + (h >>> 24) - 510)) / 147.8
      squares += weight * weight
    }
  return sum / Math.sqrt(squares)
}
