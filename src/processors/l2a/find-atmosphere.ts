import { setImmediate } from 'node:timers/promises'
import { DEFAULT_AOT, fitWindows, retrieveAot, WINDOW, type Aot, type AotInput, type Place } from './aot.js'
import { MODEL_AOT, responsesOf, unknownResponses, type Responses } from './aot-cost.js'
import { fewPressures, vapourAxis } from './axes.js'
import { BandTable, type TableAxes } from './band-table.js'
import { CELL_BAND_IDS, type CellBand } from './cells.js'
import { aotRatios, chooseAerosol, DEFAULT_AEROSOL, type ChosenAerosol } from './choose-aerosol.js'
import { clearGround } from './clear-ground.js'
import type { AtmosphereNodes } from './coefficient-planes.js'
import { AEROSOL_MODELS, type AerosolModel } from '../../domain/aerosol-mix.js'
import type { AirOrigin, AtmosphereRequest, FoundAtmosphere } from './found-atmosphere.js'
import { groundKnownBy, nothingKnown } from './known-ground.js'
import { meanOf } from './fields.js'
import { observeColours } from './ground-colours.js'
import { bilinearOnCells, nearestOnCells, nodeGrid, SCALE_HEIGHT_M } from './nodes.js'
import { altitudeAtPressure } from './pressure.js'
import { surfaceCells, toaOfSurface, type CellAir } from './surface-cells.js'
import { surroundingsOf } from './surroundings.js'
import { anySaturated } from './toa-cells.js'
import { VAPOUR_AXIS, waterVapour } from './water-vapour.js'

/** AOT under which clouds are looked for: nearly clean air, so that haze still looks like haze. */
const THIN_AOT = 0.05
/** Where nobody says anything. */
export const DEFAULT_WV = 2
export const DEFAULT_OZONE = 300
/** Angles are asked every 20 km here: looking for the air needs less than correcting pixels. */
const STRIDE = 4
/** So many windows of cells along the longer side are enough to choose the aerosol. */
const SAMPLES = 20

/**
 * Finds clouds, water vapour, aerosol and AOT of a scene on its cells. A parameter goes before what the image says, that before what came with the product, that before a default; ozone, which no image shows,
 * is a parameter, auxiliary or the default. Pure: the same cells give the same air.
 */
export function findAtmosphere(request: AtmosphereRequest): FoundAtmosphere {
  const search = new Finder(request).find()
  for (;;) {
    const step = search.next()
    if (step.done === true) return step.value
  }
}

/** The same, with a turn for others after every part of the search: over a full tile it takes seconds. Rejects with the signal's reason. */
export async function findAtmosphereByTurns(
  request: AtmosphereRequest,
  signal: AbortSignal,
): Promise<FoundAtmosphere> {
  const search = new Finder(request).find()
  for (;;) {
    const step = search.next()
    if (step.done === true) return step.value
    await setImmediate()
    signal.throwIfAborted()
  }
}

/** A search that stops where it may be left for a while. */
type Search<T> = Generator<undefined, T, undefined>

class Finder {
  private readonly ids: Readonly<Record<CellBand, string>>
  private readonly swir22: string
  private readonly count: number
  private readonly ozone: number
  private readonly pressures: readonly number[]
  private readonly tables = new Map<string, BandTable>()

  constructor(private readonly request: AtmosphereRequest) {
    const { scene, cells, params, auxiliary, nodesHpa } = request
    this.pressures = fewPressures(nodesHpa)
    this.ids = CELL_BAND_IDS[scene.satellite]
    this.swir22 = scene.satellite === 's2' ? 'B12' : 'B07'
    this.count = cells.grid.width * cells.grid.height
    this.ozone = params.ozone === 'auto' ? (auxiliary.ozone ?? DEFAULT_OZONE) : params.ozone
  }

  *find(): Search<FoundAtmosphere> {
    const { cells, state, day, isCovered, params, auxiliary, pressureHpa } = this.request
    const { grid } = cells
    const firstWv = params.wv === 'auto' ? (auxiliary.wv ?? DEFAULT_WV) : params.wv
    const firstAot = params.aot === 'auto' ? (auxiliary.aot ?? DEFAULT_AOT) : params.aot
    const thinAir = { grid, pressureHpa, aot: this.everywhere(THIN_AOT), wv: this.everywhere(firstWv) }
    const surfaces = new Map<string, Float32Array>()
    const thin = (id: string): Float32Array => {
      const known = surfaces.get(id) ?? this.surface(id, thinAir)
      surfaces.set(id, known)
      return known
    }
    for (const id of Object.values(this.ids)) {
      thin(id)
      yield
    }
    const planes = Object.fromEntries(
      Object.entries(this.ids).map(([name, id]) => [name, thin(id)]),
    ) as Record<CellBand, Float32Array>
    const isSaturated = anySaturated(this.request.cells, [this.ids.blue, this.ids.red, this.ids.nir])
    const ground = clearGround({ grid, thin: planes, isSaturated, isCovered, state, day })
    const given = this.givenAerosol() ?? DEFAULT_AEROSOL
    const first = this.findVapour({ wv: firstWv, aot: firstAot, aerosol: given }, ground.isUsable)
    yield
    const isSeen = isCovered.map((is, i) => (is === 0 && ground.flags[i] === 0 ? 1 : 0))
    const light = { thin, beside: (id: string) => this.aroundToa(id, thin, thinAir, isSeen) }
    const aerosol = yield* this.findAerosol(bilinearOnCells(first.wv, grid), ground.isUsable, planes, light)
    yield
    const { isDefault, aot } = aerosol
    const nodesAreOf = aerosol.origin === 'parameter' ? 'ground' : 'sea-level'
    const atGround = bilinearOnCells(aot, grid)
    if (nodesAreOf === 'sea-level')
      for (let i = 0; i < this.count; i++)
        atGround[i]! *= Math.exp(-altitudeAtPressure(pressureHpa[i]!) / SCALE_HEIGHT_M)
    // The absorption band sees the aerosol too: maritime air of AOT 0.4 taken for continental of 0.1 makes the vapour 5 % too low.
    const isAgain = first.origin === 'image' && (params.aot === 'auto' || params.aerosol === 'auto')
    const vapour = isAgain
      ? this.findVapour({ wv: firstWv, aot: meanOf(atGround), aerosol: aerosol.model }, ground.isUsable)
      : first
    const wv = bilinearOnCells(vapour.wv, grid)
    const nodes: AtmosphereNodes = {
      grid: nodeGrid(grid),
      wv: vapour.wv,
      aot,
      aotIs: nodesAreOf,
    }
    return {
      nodes,
      air: { grid, pressureHpa, wv, aot: atGround },
      ozone: this.ozone,
      aerosol: aerosol.model,
      flags: ground.flags,
      isDefault: isDefault.map((is, i) => (is === 1 || vapour.isDefault[i] === 1 ? 1 : 0)),
      origins: {
        aot: aerosol.origin,
        wv: vapour.origin,
        ozone: params.ozone !== 'auto' ? 'parameter' : auxiliary.ozone === null ? 'default' : 'auxiliary',
        aerosol: aerosol.modelOrigin,
      },
      foundShare: { aot: aerosol.foundShare, wv: vapour.foundShare },
      isFilled: { aot: aerosol.isFilled, wv: vapour.isFilled },
      residuals: aerosol.residuals,
      evidence: aerosol.evidence,
      aotRatios: aerosol.aotRatios,
      weights: aerosol.weights,
      aotCells: aerosol.cells,
      colours: aerosol.colours,
    }
  }

  /** Somebody's, or the forecast's where it tells the kinds: the image can often not tell them apart. */
  private givenAerosol(): string | null {
    const { params, auxiliary } = this.request
    return params.aerosol === 'auto' ? auxiliary.aerosol : params.aerosol
  }

  /** On nodes; `isDefault` by cell. Vapour of the image where it has both bands of Sentinel-2 that tell it. */
  private findVapour(
    { wv: firstWv, aot, aerosol }: { wv: number; aot: number; aerosol: string },
    isUsable: Uint8Array,
  ): Pick<Found, 'isDefault' | 'isFilled' | 'foundShare' | 'origin'> & { readonly wv: Float32Array } {
    const { scene, cells, params, auxiliary, pressureHpa } = this.request
    const [wide, narrow] = [cells.bands.get('B8A'), cells.bands.get('B09')]
    const hasBoth = scene.satellite === 's2' && wide !== undefined && narrow !== undefined
    if (params.wv === 'auto' && hasBoth) {
      const axes = { aot: [aot], wv: VAPOUR_AXIS }
      const found = waterVapour({
        air: { grid: cells.grid, pressureHpa },
        wide: { toa: wide, table: this.table('B8A', axes, aerosol) },
        narrow: { toa: narrow, table: this.table('B09', axes, aerosol) },
        isUsable,
        otherwise: firstWv,
      })
      if (found.foundShare > 0)
        return {
          ...found,
          ...{ isFilled: found.isDefault, isDefault: nearestOnCells(found.isDefault, cells.grid) },
          origin: 'image',
        }
    }
    const origin = params.wv !== 'auto' ? 'parameter' : auxiliary.wv === null ? 'default' : 'auxiliary'
    const isDefault = new Uint8Array(this.count).fill(1)
    const nodes = nodeGrid(cells.grid)
    const wv = new Float32Array(nodes.width * nodes.height).fill(firstWv)
    return { wv, isDefault, isFilled: new Uint8Array(wv.length).fill(1), foundShare: 0, origin }
  }

  private *findAerosol(
    wv: Float32Array,
    isUsable: Uint8Array,
    thin: Readonly<Record<CellBand, Float32Array>>,
    light: CellLight,
  ): Search<FoundAerosol> {
    const { params, auxiliary, cells, state, day } = this.request
    const nodes = nodeGrid(cells.grid)
    const given = this.givenAerosol() ?? DEFAULT_AEROSOL
    const modelOrigin =
      params.aerosol !== 'auto' ? 'parameter' : auxiliary.aerosol === null ? 'default' : 'auxiliary'
    if (params.aot !== 'auto')
      return {
        ...{
          aot: new Float32Array(nodes.width * nodes.height).fill(params.aot),
          origin: 'parameter',
          cells: null,
        },
        ...{
          isDefault: new Uint8Array(this.count).fill(1),
          isFilled: new Uint8Array(nodes.width * nodes.height).fill(1),
          ...{ aotRatios: {}, weights: NONE_WEIGHED, residuals: {}, evidence: {} },
          ...{ foundShare: 0, colours: null },
          ...{ model: given, modelOrigin },
        },
      }
    const { red, nir } = thin
    const known = state === null ? nothingKnown(this.count) : groundKnownBy(state, nir, day)
    const common = {
      cells: cells.grid,
      swir: light.thin(this.swir22),
      ndvi: red.map((r, i) => (nir[i]! - r) / (nir[i]! + r)),
      redToa: cells.bands.get(this.ids.red)?.rho ?? new Float32Array(this.count).fill(NaN),
      known,
      prior: auxiliary.aot,
    }
    const beside = new Map<string, Float32Array | null>()
    for (const id of [this.ids.blue, this.ids.red, 'B01', this.swir22]) {
      beside.set(id, light.beside(id))
      yield
    }
    const inputOf = (model: string, wanted: Uint8Array): AotInput => ({
      ...{ ...common, isUsable: wanted },
      ...this.responses(model, wv, wanted, beside),
    })
    const chosen = this.givenAerosol() === null ? yield* this.tryAerosols(isUsable, inputOf) : null
    const model = chosen?.aerosol ?? given
    const input = inputOf(model, isUsable)
    yield
    const found = retrieveAot(input)
    const hasFound = found.foundShare > 0
    const origin = hasFound ? 'image' : auxiliary.aot === null ? 'default' : 'auxiliary'
    return {
      ...{ aot: found.aot, origin, model, foundShare: found.foundShare, cells: found.cells },
      modelOrigin: chosen?.isTold === true ? 'image' : modelOrigin,
      residuals: chosen?.residuals ?? {},
      evidence: chosen?.evidence ?? {},
      colours: hasFound ? observeColours(input, found.aot) : null,
      aotRatios: chosen?.aotRatios ?? {},
      weights: chosen?.weights ?? NONE_WEIGHED,
      isFilled: found.isDefault,
      isDefault: nearestOnCells(found.isDefault, cells.grid),
    }
  }

  private responses(
    aerosol: string,
    wv: Float32Array,
    isWanted: Uint8Array,
    beside: ReadonlyMap<string, Float32Array | null>,
  ): Pick<AotInput, 'blue' | 'red' | 'coastal' | 'swirUnder'> {
    const { cells, pressureHpa } = this.request
    const air = { grid: cells.grid, pressureHpa, wv }
    const axes = { aot: MODEL_AOT, wv: vapourAxis(wv) }
    const of = (id: string): Responses | null => {
      const toa = cells.bands.get(id)
      if (toa === undefined) return null
      const aroundToa = beside.get(id) ?? null
      const table = this.table(id, axes, aerosol, aroundToa !== null)
      return responsesOf(toa, table, air, { isWanted, aroundToa })
    }
    const [blue, red] = [of(this.ids.blue), of(this.ids.red)]
    return {
      blue: blue ?? unknownResponses(this.count),
      red: red ?? unknownResponses(this.count),
      coastal: of('B01'),
      swirUnder: (beside.get(this.swir22) ?? null) === null ? null : of(this.swir22),
    }
  }

  /** Reflectance at the sensor that a band would have if the ground of a cell were as that around it; null where light from beside is not looked at, or nothing is seen. `isSeen`: 1 without cloud. */
  private aroundToa(
    id: string,
    thin: CellLight['thin'],
    thinAir: CellAir,
    isSeen: Uint8Array,
  ): Float32Array | null {
    const toa = this.request.cells.bands.get(id)
    if (!this.request.params.adjacency || toa === undefined) return null
    const own = thin(id).map((rho, i) => (isSeen[i] === 1 ? rho : NaN))
    const around = surroundingsOf(own, this.request.cells.grid)
    return around === null ? null : toaOfSurface(around, toa, this.thinTable(id, thinAir), thinAir)
  }

  /** What each aerosol leaves unexplained in at most SAMPLES x SAMPLES windows that share no cell, spread evenly; null where no window says anything. */
  private *tryAerosols(
    isUsable: Uint8Array,
    inputOf: (model: string, wanted: Uint8Array) => AotInput,
  ): Search<TriedAerosols | null> {
    const { width, height } = this.request.cells.grid
    const every = Math.max(WINDOW, Math.ceil(Math.max(width, height) / SAMPLES))
    const wanted = isUsable.map((is, i) =>
      is === 1 && (i % width) % every < WINDOW && Math.floor(i / width) % every < WINDOW ? 1 : 0,
    )
    const middle = (WINDOW - 1) / 2
    const centres: Place[] = []
    for (let y = middle; y < height; y += every)
      for (let x = middle; x < width; x += every) centres.push({ x, y })
    const fits = new Map<AerosolModel, ReturnType<typeof fitWindows>>()
    for (const model of AEROSOL_MODELS) {
      fits.set(model, fitWindows(inputOf(model, wanted), centres))
      yield
    }
    const chosen = chooseAerosol(fits)
    if (chosen === null) return null
    const ofMix = fitWindows(inputOf(chosen.aerosol, wanted), centres)
    return { ...chosen, aotRatios: aotRatios(fits, ofMix) }
  }

  private surface(id: string, air: CellAir): Float32Array {
    const toa = this.request.cells.bands.get(id)
    if (toa === undefined) return new Float32Array(this.count).fill(NaN)
    return surfaceCells(toa, this.thinTable(id, air), air)
  }

  private thinTable(id: string, air: CellAir): BandTable {
    return this.table(id, { aot: [THIN_AOT], wv: vapourAxis(air.wv) })
  }

  /** Of each band, aerosol and axes one: what a sample has asked is known when the whole asks. */
  private table(
    id: string,
    axes: Omit<TableAxes, 'pressureHpa'>,
    aerosol: string = DEFAULT_AEROSOL,
    withLegs = false,
  ): BandTable {
    const key = `${id} ${aerosol} ${withLegs} ${axes.aot.join()} ${axes.wv.join()}`
    const known = this.tables.get(key)
    if (known !== undefined) return known
    const { model, scene } = this.request
    const band = scene.bands.find((one) => one.id === id)!
    const { sensor, sun } = scene
    const made = new BandTable({
      ...{ model, sensor, band, sun, ozone: this.ozone, aerosol, stride: STRIDE, withLegs },
      axes: { ...axes, pressureHpa: this.pressures },
    })
    this.tables.set(key, made)
    return made
  }

  private everywhere(value: number): Float32Array {
    return new Float32Array(this.count).fill(value)
  }
}

/** Where none was tried. */
const NONE_WEIGHED: ReadonlyMap<AerosolModel, number> = new Map()

type TriedAerosols = ChosenAerosol & Pick<FoundAtmosphere, 'aotRatios'>

/** What is asked of a band's cells before the aerosol is known. */
interface CellLight {
  /** Surface reflectance under thin air. */
  readonly thin: (id: string) => Float32Array
  /** See `aroundToa`. */
  readonly beside: (id: string) => Float32Array | null
}

interface Found {
  readonly origin: AirOrigin
  readonly foundShare: number
  /** By cell. */
  readonly isDefault: Uint8Array
  /** By node. */
  readonly isFilled: Uint8Array
}

interface FoundAerosol
  extends Found, Pick<FoundAtmosphere, 'residuals' | 'evidence' | 'aotRatios' | 'weights' | 'colours'> {
  readonly aot: Float32Array
  readonly model: string
  readonly modelOrigin: AirOrigin
  readonly cells: Aot['cells'] | null
}
