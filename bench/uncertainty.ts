import type { Grid } from '../src/domain/grid.js'
import { NO_AUXILIARY_AIR, type AngleGrid, type L1SceneBand } from '../src/domain/l1-scene.js'
import { airErrorsOf } from '../src/processors/l2a/air-errors.js'
import { aotAxis, vapourAxis } from '../src/processors/l2a/axes.js'
import { BandTable, surfaceOf, TERMS } from '../src/processors/l2a/band-table.js'
import { findAtmosphere } from '../src/processors/l2a/find-atmosphere.js'
import type { FoundAtmosphere } from '../src/processors/l2a/found-atmosphere.js'
import { lagrangeOf, newLagrange } from '../src/processors/l2a/interpolate.js'
import { shippedNoise } from '../src/processors/l2a/noise.js'
import { SEA_LEVEL_HPA } from '../src/processors/l2a/pressure.js'
import type { ToaBand } from '../src/processors/l2a/toa-cells.js'
import { buildVariancePlanes, VARIANCE_TERMS } from '../src/processors/l2a/uncertainty.js'
import { shippedModel } from './accuracy-measures.js'
import { Chance } from './chance.js'

const IDS = ['B01', 'B02', 'B03', 'B04', 'B8A', 'B09', 'B11', 'B12'] as const
type Id = (typeof IDS)[number]
/** Bands with a reflectance. */
export const COVERED = IDS.filter((id) => id !== 'B09')
const SIDE = 21
/** Cells of 240 m, 5 km along an edge. */
export const GRID: Grid = {
  ...{ epsg: 32631, ulx: 300_000, uly: 4_900_080, pixelWidthM: 240, pixelHeightM: 240 },
  ...{ width: SIDE, height: SIDE },
}
const SHARES = ['maritime', 'urban', 'desert'] as const

/** One direction for all of `GRID`, degrees. */
export const levelAngles = (zenith: number, azimuth: number): AngleGrid => ({
  ...{ ulx: GRID.ulx, uly: GRID.uly, stepXM: 5000, stepYM: 5000, rows: 3, cols: 3 },
  zenith: new Float64Array(9).fill(zenith),
  azimuth: new Float64Array(9).fill(azimuth),
})

/** A landscape, its air, and what the sensor sees of it. */
function drawScene(seed: number) {
  const chance = new Chance(seed)
  const look = {
    sunZenithDeg: chance.between(25, 60),
    viewZenithDeg: chance.between(0, 10),
    relativeAzimuthDeg: chance.between(0, 180),
  }
  const aot = 0.05 * 12 ** chance.next()
  const wv = chance.between(0.8, 4)
  const share = chance.between(0, 0.5)
  const second = SHARES[Math.floor(chance.next() * 3)] ?? 'maritime'
  const aerosol = `continental:${(1 - share).toFixed(3)},${second}:${share.toFixed(3)}`
  // Red over 2.2 um and blue over red of vegetation differ from place to place, and about that from field to field; vegetation's blue has 0.005 besides (Levy et al. 2007, JGR 112, D13211, fig. 3 to 5).
  const ofPlace = { red: 0.5 + 0.06 * chance.normal(), blue: 0.5 + 0.06 * chance.normal() }
  const grounds = Array.from({ length: SIDE * SIDE }, (): Readonly<Record<Id, number>> => {
    const isSoil = chance.next() < 0.25
    const red = isSoil ? chance.between(0.12, 0.25) : chance.between(0.02, 0.06)
    const ratio = Math.max(0.2, (isSoil ? 0.52 : ofPlace.blue) + 0.05 * chance.normal())
    const blue = red * ratio + (isSoil ? 0 : 0.005)
    const swir22 = isSoil ? 1.4 * red : red / Math.max(0.25, ofPlace.red + 0.05 * chance.normal())
    const nir = isSoil ? 1.3 * red : chance.between(0.25, 0.45)
    const swir16 = isSoil ? 1.5 * red : 2 * swir22
    return {
      ...{ B01: 0.9 * blue, B02: blue, B03: (isSoil ? 0.75 : 1.5) * red, B04: red },
      ...{ B8A: nir, B09: nir, B11: swir16, B12: swir22 },
    }
  })
  const at = (id: Id) =>
    shippedModel().bandCoefficients({
      ...{ platform: 'S2A', band: id, ...look, ozone: 300, aerosol, wv, aot550: aot },
      pressureHpa: SEA_LEVEL_HPA,
    })
  const measured = new Map<string, ToaBand>()
  for (const id of IDS) {
    const c = at(id)
    const rho = Float32Array.from(grounds, (ground) => {
      const own = ground[id]
      return c.gasPath + (c.gasTransmittance * c.transmittance * own) / (1 - c.sphericalAlbedo * own)
    })
    const detectors = new Uint32Array(rho.length).fill(2)
    measured.set(id, { rho, isSaturated: new Uint8Array(rho.length), detectors })
  }
  return { chance, look, aot, wv, aerosol, grounds, cells: { grid: GRID, bands: measured } }
}

/** Share of pixels whose truth lies within one standard deviation, by band, and how AOT came out. */
export interface Coverage {
  readonly scenes: number
  readonly aotRms: number
  readonly bands: ReadonlyMap<
    string,
    { readonly within: number; readonly rms: number; readonly sigma: number; readonly within2: number }
  >
}

/** Corrects `count` invented scenes, each under air of its own, and counts. Deterministic. */
export function measureCoverage(count: number): Coverage {
  const sums = new Map<
    string,
    { n: number; within: number; within2: number; squares: number; variance: number }
  >(COVERED.map((id) => [id, { n: 0, within: 0, within2: 0, squares: 0, variance: 0 }]))
  let aotSquares = 0
  for (let seed = 1; seed <= count; seed++) {
    const { chance, look, aot, grounds, cells } = drawScene(seed)
    const sun = levelAngles(look.sunZenithDeg, look.relativeAzimuthDeg)
    const view = levelAngles(look.viewZenithDeg, 0)
    const bands = IDS.map((id) => ({
      id,
      detectors: [{ detector: 1, angles: view, validNodes: 9 }],
    })) as unknown as L1SceneBand[]
    const pressureHpa = new Float32Array(SIDE * SIDE).fill(SEA_LEVEL_HPA)
    const found = findAtmosphere({
      ...{ model: shippedModel(), scene: { satellite: 's2', sensor: 'S2A', sun, bands }, cells, pressureHpa },
      ...{
        nodesHpa: [SEA_LEVEL_HPA],
        params: { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'auto', adjacency: false },
      },
      ...{ auxiliary: NO_AUXILIARY_AIR, state: null, day: 20_000 },
      isCovered: new Uint8Array(SIDE * SIDE),
    })
    aotSquares += (mean(found.air.aot) - aot) ** 2
    for (const id of COVERED) {
      const sum = sums.get(id)!
      const band = bands.find((one) => one.id === id)!
      const { rho, variance } = correctPixels(found, band, sun, cells.bands.get(id)!, chance)
      for (const [i, value] of rho.entries()) {
        const error = Math.abs(value - grounds[i]![id])
        const sigma = Math.sqrt(variance[i]!)
        sum.n++
        if (error <= sigma) sum.within++
        if (error <= 2 * sigma) sum.within2++
        sum.squares += error ** 2
        sum.variance += sigma ** 2
      }
    }
  }
  return {
    scenes: count,
    aotRms: Math.sqrt(aotSquares / count),
    bands: new Map(
      [...sums].map(([id, { n, within, within2, squares, variance }]) => [
        id,
        {
          ...{ within: within / n, within2: within2 / n },
          ...{ rms: Math.sqrt(squares / n), sigma: Math.sqrt(variance / n) },
        },
      ]),
    ),
  }
}

/** Reflectance of one band's pixels, noise included, under the air that was found, and its variance. */
function correctPixels(
  found: FoundAtmosphere,
  band: L1SceneBand,
  sun: AngleGrid,
  { rho: toa, detectors }: ToaBand,
  chance: Chance,
) {
  const { nodes, ozone, aerosol } = found
  const { others, ...sigmas } = airErrorsOf(found)
  const wv = vapourAxis(Float32Array.of(0, Math.max(...nodes.wv) + Math.max(...sigmas.sigmaWv)))
  const tableOf = (model: string) =>
    new BandTable({
      ...{
        model: shippedModel(),
        sensor: 'S2A',
        band,
        sun,
        ozone,
        aerosol: model,
        withLegs: true,
        stride: 2,
      },
      axes: { pressureHpa: [SEA_LEVEL_HPA], aot: aotAxis(0, 2), wv },
    })
  const table = tableOf(aerosol)
  const noise = shippedNoise('S2A', band.id)
  const planes = buildVariancePlanes({
    ...{
      nodes,
      ...sigmas,
      sun,
      noise,
      table,
      detectors,
      cells: GRID,
      around: null,
      isAdjacencyCorrected: false,
      slopedBy: null,
    },
    others: others.map(({ model, ...other }) => ({ table: tableOf(model), ...other })),
    pressureHpa: new Float32Array(nodes.aot.length).fill(SEA_LEVEL_HPA),
  })
  const mu = Math.cos((sun.zenith[0]! * Math.PI) / 180)
  const column = new Float64Array(table.columnSize)
  const weights = newLagrange()
  const [rho, variance] = [new Float32Array(toa.length), new Float32Array(toa.length)]
  for (let i = 0; i < toa.length; i++) {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)]
    const node = Math.floor(y / 3) * nodes.grid.width + Math.floor(x / 3)
    table.column(0, GRID.ulx, GRID.uly, SEA_LEVEL_HPA, found.air.wv[i]!, column)
    lagrangeOf(table.axes.aot, found.air.aot[i]!, weights)
    const term = (k: number) => {
      let sum = 0
      for (let j = 0; j < weights.count; j++)
        sum += weights.weights[j]! * column[(weights.first + j) * table.terms + k]!
      return sum
    }
    const noisy = toa[i]! + (Math.sqrt(noise.constant + noise.slope * mu * toa[i]!) / mu) * chance.normal()
    rho[i] = surfaceOf(noisy, term(0), term(1), term(TERMS - 1))
    for (let k = VARIANCE_TERMS - 1; k >= 0; k--)
      variance[i] = variance[i]! * rho[i]! + planes.data[node * VARIANCE_TERMS + k]!
  }
  return { rho, variance }
}

const mean = (values: Float32Array): number => values.reduce((sum, v) => sum + v, 0) / values.length
