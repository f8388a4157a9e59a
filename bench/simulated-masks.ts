import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Grid } from '../src/domain/grid.js'
import { MASK_BITS } from '../src/domain/mask-bits.js'
import { S2_BANDS, type S2Band } from '../src/domain/sentinel2.js'
import {
  CELL_BANDS,
  CELL_NO_DATA,
  parentsOf,
  type CellBand,
  type CellPlanes,
} from '../src/processors/l2a/cells.js'
import { dayOf, leaveMemory, leaveState, type KnownGround } from '../src/processors/l2a/chain-state.js'
import { invert, shippedModel } from './accuracy-measures.js'
import { f1Of, isolatedShadows, scoreMasks } from './mask-scores.js'
import { cirrusCells } from '../src/processors/l2a/masks/cirrus.js'
import { decideMasks, type DecidedMasks } from '../src/processors/l2a/masks/decide-masks.js'
import type { MaskBand, MaskCells } from '../src/processors/l2a/masks/mask-cells.js'
import type { Offsets } from '../src/processors/l2a/masks/sky-paths.js'
import { pressureAtAltitude } from '../src/processors/l2a/pressure.js'
import { s2Optics } from '../src/simulator/atmosphere/evaluate-atmosphere.js'
import { BandRenderer } from '../src/simulator/band-renderer.js'
import { CloudTruth } from '../src/simulator/clouds/cloud-truth.js'
import { skyStrip } from '../src/simulator/clouds/sky-strip.js'
import { Landscape } from '../src/simulator/landscape.js'
import { CENTRAL_NM } from '../src/simulator/product-xml.js'
import { viewFrame } from '../src/simulator/scene-angles.js'
import { makeScene } from '../src/simulator/scene.js'
import { spectraOn } from '../src/simulator/spectra.js'
import { OffsetsOnRow, sunOffsets, viewOffsets } from '../src/simulator/view-frame.js'
import { SceneUnknowns } from '../src/simulator/unknowns/scene-unknowns.js'
import type { UnknownsOptions } from '../src/simulator/unknowns/unknowns.js'
import { airOnNodes } from '../src/simulator/weather.js'

const BANDS: Readonly<Record<MaskBand | 'cirrus', S2Band>> = {
  ...{ blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A' },
  ...{ swir16: 'B11', swir22: 'B12', cirrus: 'B10' },
}
const NAMES = Object.keys(BANDS) as (MaskBand | 'cirrus')[]
const [TILE, PLATFORM, CELL_M, WIDTH] = ['31TCJ', 'S2A', 60, 800] as const
/** Cells of masks along one of the chain's cells, and along one of its smaller ones: 240 and 120 m. */
const [COARSE, FINER] = [4, 2]
/** The least piece of cloud whose altitude is looked at, cells. */
const LEAST_OBJECT = 20

/** What is made of one date. */
export interface SimulatedSky {
  readonly date: string
  /** Shares of the sky under water clouds and under cirrus, 0..1. */
  readonly cloudCover: number
  readonly cirrusCover: number
  /** What ground and sensor do besides; null: nothing. */
  readonly unknowns: UnknownsOptions | null
}

/** One date as the masks get it, and the truth. */
export interface SimulatedDate {
  readonly date: string
  readonly cells: MaskCells
  readonly cirrus: Float32Array
  readonly sky: { readonly sun: Offsets; readonly view: Offsets }
  readonly altitudeM: Float32Array
  /** CLOUD_TRUTH by cell. */
  readonly truth: Uint8Array
  /** Thickness of the clouds that the sunlight met on its way to the cell. */
  readonly shadeTau: Float32Array
  /** Metres above the sea between which each deck lies, and its thickness where the cell sees it. */
  readonly decks: readonly { readonly baseM: number; readonly topM: number; readonly tau: Float32Array }[]
}

/**
 * The upper-left 48 km of tile 31TCJ as Sentinel-2A would see it through clouds, every band on pixels of 60 m: what masks have as cells. Clouds, their heights, parallax and shadows, air and ground are
 * the simulator's, which shares no code with the processors.
 */
export function simulateDate({ date, cloudCover, cirrusCover, unknowns }: SimulatedSky): SimulatedDate {
  const scene = makeScene({
    ...{ tile: TILE, date, outDir: tmpdir(), pixelSizeM: CELL_M, platform: PLATFORM, seed: 1 },
    ...{ cloudCover, cirrus: cirrusCover, aot: 0.15, airVariation: 0.3, extentM: WIDTH * CELL_M },
    ...(unknowns === null ? {} : { unknowns }),
  })
  const { square, weather } = scene
  const frame = viewFrame(scene.pass, scene.angles)
  const left = square.xmin + square.zone * 1_000_000
  const top = square.ymax - (square.isSouth ? 10_000_000 : 0)
  const nodes = airOnNodes(weather, frame, left, top)
  const [shiftEast, shiftNorth] = scene.shiftM
  const window = {
    ...{ easting: left + shiftEast, northing: top + shiftNorth },
    ...{ pixelM: CELL_M, width: WIDTH, height: WIDTH },
  }
  const landscape = new Landscape(scene.seed, scene.year, scene.snow)
  const ground = landscape.fill(window)
  const grid: Grid = {
    ...{ epsg: square.epsg, ulx: square.xmin, uly: square.ymax, width: WIDTH, height: WIDTH },
    ...{ pixelWidthM: CELL_M, pixelHeightM: CELL_M },
  }
  const sunward = sunOffsets(frame)
  const sky = skyStrip(weather.decks, ground, window, { offsets: sunward, frame, left, top })
  const more =
    scene.unknowns === null
      ? null
      : new SceneUnknowns({ ...scene, unknowns: scene.unknowns }, landscape, left, top)
  const detail = more?.detailOf(ground, window, frame, sunward) ?? null
  const spectra = spectraOn(scene.dayOfYear, square.isSouth, scene.year)
  const planeOf = (band: S2Band): Float32Array => {
    const index = S2_BANDS.indexOf(band)
    const image = {
      ...{ footprint: { stride: 1, first: 0, taps: [1] }, pixelM: CELL_M, width: WIDTH },
      ...{ scale: 10_000, shift: 1000, bySun: false, maxDn: 65_534, noiseDn: () => 4 },
      ...{ um: CENTRAL_NM[PLATFORM][index]! / 1000, seed: scene.seed + scene.dayOfYear * 7919 },
    }
    const optics = s2Optics(PLATFORM, band)
    const renderer = new BandRenderer(
      frame,
      index,
      image,
      spectra[band],
      optics,
      more === null ? (node) => nodes[node]! : (node, altitudeM) => more.airAbove(nodes[node]!, altitudeM),
      weather.decks,
      more?.ofBand(band, spectra[band]) ?? null,
    )
    return Float32Array.from(renderer.render(ground, WIDTH, 0, WIDTH, sky, detail).dn, (dn) =>
      dn === 0 ? NaN : (dn - 1000) / 10_000,
    )
  }
  const planes = Object.fromEntries(NAMES.map((name) => [name, planeOf(BANDS[name])])) as Record<
    MaskBand | 'cirrus',
    Float32Array
  >
  const folder = mkdtempSync(join(tmpdir(), 'tilth-masks-'))
  const red = S2_BANDS.indexOf('B04')
  const truth = new CloudTruth((name) => join(folder, `${name}.tif`), grid, frame, red, {
    stride: 1,
    first: 0,
  })
  const { bits } = truth.add(0, WIDTH, ground, sky)
  truth.close()
  rmSync(folder, { recursive: true })
  const views = viewOffsets(frame, red)
  const offsets = (): Offsets => ({
    east: new Float32Array(WIDTH * WIDTH).fill(NaN),
    north: new Float32Array(WIDTH * WIDTH).fill(NaN),
  })
  const [toSun, toSensor] = [offsets(), offsets()]
  for (let row = 0; row < WIDTH; row++) {
    const y = (row + 0.5) * CELL_M
    const sunOnRow = new OffsetsOnRow(sunward, frame, y)
    for (const { detector, from, to } of frame.runs(y, CELL_M, WIDTH)) {
      const viewOnRow = new OffsetsOnRow(views.get(detector)!, frame, y)
      for (let column = from; column < to; column++) {
        const [i, x] = [row * WIDTH + column, (column + 0.5) * CELL_M]
        ;[toSun.east[i], toSun.north[i]] = sunOnRow.at(x)
        ;[toSensor.east[i], toSensor.north[i]] = viewOnRow.at(x)
      }
    }
  }
  const decks = weather.decks.map((deck) => ({
    ...{ baseM: deck.baseM, topM: deck.topM },
    tau: Float32Array.from({ length: WIDTH * WIDTH }, (_, i) => {
      const up = deck.topM - ground.altitudeM[i]!
      const x = left + ((i % WIDTH) + 0.5) * CELL_M + up * toSensor.east[i]!
      const y = top - (Math.floor(i / WIDTH) + 0.5) * CELL_M + up * toSensor.north[i]!
      return Number.isNaN(x) ? 0 : deck.tau(x, y)
    }),
  }))
  const { cirrus, ...bands } = planes
  return {
    ...{ date, cirrus, decks, truth: bits, shadeTau: sky.shadeTau, sky: { sun: toSun, view: toSensor } },
    cells: { grid, bands, isSaturated: new Uint8Array(WIDTH * WIDTH) },
    altitudeM: ground.altitudeM,
  }
}

/** Shares of one date, unit 1. */
export interface SimulatedScore {
  readonly date: string
  readonly f1Cloud: number
  readonly f1Shadow: number
  /** Isolated shadows of at least 20 cells: how many, and the share whose centre is found within 120 m. */
  readonly shadows: number
  readonly nearShadows: number
  /** Of each of them the largest thickness that the sunlight met, whether anything of it is found, and whether so near. */
  readonly isolated: readonly { readonly tau: number; readonly isFound: boolean; readonly isNear: boolean }[]
  /** Pieces of cloud of at least 20 cells whose altitude was found: how many, and the share within 250 m of base to top of a deck that covers a tenth of the piece. */
  readonly clouds: number
  readonly nearHeights: number
}

/** Dates in order: the first alone, the others with what the chain remembers. */
export function scoreChain(skies: readonly SimulatedSky[]): {
  scores: SimulatedScore[]
  last: { simulated: SimulatedDate; decided: DecidedMasks }
} {
  let known = null as KnownGround | null
  let last: { simulated: SimulatedDate; decided: DecidedMasks } | null = null
  const scores: SimulatedScore[] = []
  for (const sky of skies) {
    const simulated = simulateDate(sky)
    const [coarse, finer] = [cellsOf(simulated, COARSE), cellsOf(simulated, FINER)]
    const day = dayOf(`${sky.date}T10:30:00Z`)
    const decided = decideMasks({
      ...{ cells: simulated.cells, sky: simulated.sky, altitudeM: simulated.altitudeM },
      chain: known && {
        ...{ coarse, reference: known.state, day },
        finer: { now: finer, known: known.finer },
      },
      cirrus: cirrusCells(simulated.cirrus, simulated.altitudeM, 's2', () => 0),
      ...{ givenCloud: null, dilationM: 120 },
    })
    scores.push(scoreOf(simulated, decided))
    const isClear = ({ grid }: CellPlanes) => clearOf(decided.bits, simulated.cells.grid, grid)
    known = {
      state: leaveState(known?.state ?? null, coarse, isClear(coarse), day),
      finer: leaveMemory(known?.finer ?? null, finer, isClear(finer), day),
    }
    last = { simulated, decided }
  }
  return { scores, last: last! }
}

/** Surface reflectance under thin air, of one geometry, on cells of the chain. @param by cells of masks along one of them. */
function cellsOf({ cells, sky, altitudeM }: SimulatedDate, by: number): CellPlanes {
  const { grid } = cells
  const side = WIDTH / by
  const middle = (WIDTH / 2) * WIDTH + WIDTH / 2
  const deg = 180 / Math.PI
  const [s, v] = [sky.sun, sky.view].map(({ east, north }) => ({
    zenith: Math.atan(Math.hypot(east[middle]!, north[middle]!)) * deg,
    azimuth: Math.atan2(east[middle]!, north[middle]!) * deg,
  }))
  const planeOf = (name: CellBand): Int16Array => {
    const c = shippedModel().bandCoefficients({
      ...{ platform: PLATFORM, band: BANDS[name], sunZenithDeg: s!.zenith, viewZenithDeg: v!.zenith },
      ...{ relativeAzimuthDeg: s!.azimuth - v!.azimuth, aot550: 0.05, wv: 2, ozone: 300 },
      ...{ pressureHpa: pressureAtAltitude(altitudeM[middle]!), aerosol: 'continental' },
    })
    return Int16Array.from({ length: side * side }, (_, k) => {
      let sum = 0
      for (let i = 0; i < by * by; i++) {
        const row = Math.floor(k / side) * by + Math.floor(i / by)
        sum += cells.bands[name][row * WIDTH + (k % side) * by + (i % by)]!
      }
      const toa = sum / by ** 2
      if (Number.isNaN(toa)) return CELL_NO_DATA
      return Math.round(
        10_000 * invert(toa, c.gasPath, c.gasTransmittance * c.transmittance, c.sphericalAlbedo),
      )
    })
  }
  return {
    grid: { ...grid, width: side, height: side, pixelWidthM: CELL_M * by, pixelHeightM: CELL_M * by },
    bands: Object.fromEntries(CELL_BANDS.map((band) => [band, planeOf(band)])) as Record<
      CellBand,
      Int16Array
    >,
  }
}

/** As MASK.tif is read: by the cell at the centre. */
function clearOf(bits: Uint16Array, fine: Grid, coarse: Grid): Uint8Array {
  const unclear = (1 << MASK_BITS.cloudOrShadow) | (1 << MASK_BITS.snow)
  const clear = new Uint8Array(coarse.width * coarse.height).fill(1)
  parentsOf(fine, coarse).forEach((parent, i) => {
    if (((bits[i] ?? 0) & unclear) !== 0) clear[parent] = 0
  })
  return clear
}

function scoreOf(simulated: SimulatedDate, { bits, heights }: DecidedMasks): SimulatedScore {
  const { truth, cells, decks, date } = simulated
  const { grid } = cells
  const { cloud, shadow, shadows, nearShadows } = scoreMasks(truth, bits, grid)
  let [found, nearHeights] = [0, 0]
  for (const { isFound, altitudeM, cells } of heights) {
    if (!isFound || cells.length < LEAST_OBJECT) continue
    found++
    const isThere = ({ tau }: (typeof decks)[number]) =>
      cells.reduce((n, cell) => n + (tau[cell]! > 0.3 ? 1 : 0), 0) >= 0.1 * cells.length
    if (decks.some((d) => isThere(d) && altitudeM >= d.baseM - 250 && altitudeM <= d.topM + 250))
      nearHeights++
  }
  return {
    date,
    f1Cloud: f1Of(cloud),
    f1Shadow: f1Of(shadow),
    isolated: isolatedShadows(truth, bits, grid).map(({ cells, isFound, isNear }) => ({
      tau: cells.reduce((most, cell) => Math.max(most, simulated.shadeTau[cell]!), 0),
      ...{ isFound, isNear },
    })),
    ...{ shadows, nearShadows: nearShadows / shadows, clouds: found, nearHeights: nearHeights / found },
  }
}
