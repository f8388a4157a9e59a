import { ERROR_CODES, ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { cellGrid, CELL_BAND_IDS, finerCells, type CellPlanes } from '../../processors/l2a/cells.js'
import type { ChainStartMode } from '../../processors/l2a/chain-mode.js'
import {
  dayOf,
  leaveState,
  placeGround,
  placeState,
  type ChainState,
  type KnownGround,
  type LeftState,
} from '../../processors/l2a/chain-state.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import type { GroundColours } from '../../processors/l2a/ground-colours.js'
import { readL1Scene } from '../../products/read-l1-scene.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { correctCells, decideAtmosphere, isWantedOnCells } from './decide-atmosphere.js'
import { surfacePressure } from './elevation.js'
import { measureBands } from './measure-bands.js'
import { productGrids } from './product-grids.js'
import { rebuildState } from './rebuild-state.js'
import { digestOf, readState, stateAdjacency } from './state-files.js'

/** The date before in its chain: an L2A product of ours whose state is to be taken. */
export interface PreviousDate {
  readonly name: string
  readonly folder: string
  /** Of the state that it left, as it was registered; null where nobody knows. */
  readonly digest: string | null
  readonly isOtherOrbit: boolean
  /** Folders of the products from which the state can be built again, oldest first, its own last. */
  readonly history: readonly string[]
}

/** What there is of the chain of a date. */
export interface ChainInputs {
  readonly previous: PreviousDate | null
  /** L1 products that follow, nearest first, as many as a backward start reads at most. */
  readonly following: readonly string[]
}

export interface TakenState {
  /** Null: nothing is known of the ground. */
  readonly known: KnownGround | null
  readonly notes: readonly string[]
  readonly flags: readonly string[]
}

export interface TakeStateOptions {
  readonly params: L2aParams
  readonly blockSize: number
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number) => void
  /** Gives a following product as a folder, for as long as the work lasts. */
  readonly withFolder: WithFolder
  /** Lays a following scene where this date is wanted. */
  readonly place: (scene: L1Scene) => L1Scene
}

/** Work on an L1 product that may be in an archive. */
export type WithFolder = <T>(product: string, work: (folder: string) => Promise<T>) => Promise<T>

/** The cells of a scene. */
export const cellsOf = (scene: L1Scene): Grid => cellGrid(productGrids(scene).finest, cellPixels(scene))

/** The smaller ones, on which a chain remembers the ground too. */
export const finerCellsOf = (scene: L1Scene): Grid => finerCells(cellsOf(scene), cellPixels(scene))

/** The grid whose pixels cells are made of: that of the near infrared. */
const cellPixels = (scene: L1Scene): Grid =>
  scene.bands.find(({ id }) => id === CELL_BAND_IDS[scene.satellite].nir)?.grid ?? productGrids(scene).finest

/**
 * What a date knows of the ground before it is looked at: the state that the date before left, one built from the dates that follow, or none. A state that cannot be read is
 * built again from the L2A products of its chain, which the notes then say. One of ground from which light from beside was taken off is not compared with ground that still has it, nor the other
 * way round: then nothing is known. Rejects with the signal's reason, and with errors of the products from which it is built.
 */
export async function takeState(
  mode: ChainStartMode,
  { previous, following }: ChainInputs,
  cells: Grid,
  finer: Grid,
  options: TakeStateOptions,
): Promise<TakenState> {
  if (mode === 'backward') return buildBackward(following, cells, finer, options)
  if (mode === 'init' || previous === null) return { known: null, notes: [], flags: [] }
  const flags = previous.isOtherOrbit ? ['state_of_other_orbit'] : []
  const notes = previous.isOtherOrbit ? [`The state is that of another orbit: ${previous.name}.`] : []
  const { adjacency } = options.params
  const wasAdjacency = await stateAdjacency(previous.folder)
  if (wasAdjacency !== null && wasAdjacency !== adjacency) {
    const has = (taken: boolean) => (taken ? 'without light from beside' : 'with light from beside')
    notes.push(
      `The state of ${previous.name} holds the ground ${has(wasAdjacency)} and was not used: this date sees it ${has(adjacency)} (adjacency), and unlike ground would pass for change. The chain begins anew; make ${previous.name} again with the same adjacency to go on with it.`,
    )
    return { known: null, notes, flags: [...flags, 'state_of_other_adjacency'] }
  }
  let left: LeftState
  try {
    left = await readState(previous.folder)
    const digest = digestOf(left)
    if (previous.digest !== null && digest !== previous.digest)
      throw new ProcessingError(
        'RASTER_UNREADABLE',
        `The state in '${previous.folder}' has changed: expected the digest ${previous.digest}, found ${digest}.`,
      )
  } catch (error) {
    if (!isBroken(error)) throw error
    const rebuilt = await rebuild(previous, error.message, options)
    notes.push(rebuilt.note)
    flags.push(rebuilt.flag)
    if (rebuilt.state === null) return { known: null, notes, flags }
    left = rebuilt.state
  }
  const known = placeGround(left, cells, finer)
  if (known === null) notes.push(`The state of ${previous.name} lies on other cells and was not used.`)
  return { known, notes, flags }
}

/** A lost state from the products of its chain; null where one of these is broken too: the date then begins with none, and none waits for a repair. */
async function rebuild(
  { name, history }: PreviousDate,
  why: string,
  options: TakeStateOptions,
): Promise<{ readonly state: LeftState | null; readonly note: string; readonly flag: string }> {
  try {
    const state = await rebuildState(history, options)
    const note = `The state of ${name} was built again from ${history.length} products: ${why}`
    return { state, note, flag: 'state_rebuilt' }
  } catch (error) {
    if (!isBroken(error)) throw error
    const note = `The state of ${name} is lost and was not used: ${why} It cannot be built again either: ${error.message} Make these products again.`
    return { state: null, note, flag: 'state_lost' }
  }
}

/** Broken for good: what may pass has to be tried again, or the same date would begin now so and now so. */
const isBroken = (error: unknown): error is ProcessingError =>
  error instanceof ProcessingError && ERROR_CODES[error.code].failure === 'permanent'

/** Walks from the last of the following dates to the nearest, each with what the one behind it left: so the first date is tested against clear ground too. */
async function buildBackward(
  following: readonly string[],
  cells: Grid,
  finer: Grid,
  options: TakeStateOptions,
): Promise<TakenState> {
  let state: ChainState | null = null
  let read = 0
  const notes: string[] = []
  for (const [i, product] of [...following].reverse().entries()) {
    options.signal.throwIfAborted()
    options.onProgress(i / following.length)
    try {
      state = await options.withFolder(product, async (folder) => {
        const scene = options.place(await readL1Scene(folder))
        const own = cellsOf(scene)
        const before = state === null ? null : placeState(state, own)
        const { planes, isClear, colours } = await groundOf(scene, own, before, options)
        return leaveState(before, planes, isClear, dayOf(scene.sensedAt), colours)
      })
      read++
    } catch (error) {
      if (!isBroken(error)) throw error
      // A broken date is left out wherever it stands in the chain.
      notes.push(`'${product}' was left out of the backward start: ${error.code}: ${error.message}`)
    }
  }
  notes.push(`Backward start: the ground is known from ${read} following dates.`)
  return {
    known: state === null ? null : placeGround({ state, finer: null }, cells, finer),
    ...{ notes, flags: [] },
  }
}

/** What a following date says of the ground: its reflectance on cells under its own atmosphere, and which of them are clear. Its images are read once, nothing is written. */
async function groundOf(
  scene: L1Scene,
  cells: Grid,
  before: ChainState | null,
  { params, blockSize, pool, budget, signal }: TakeStateOptions,
): Promise<{
  readonly planes: CellPlanes
  readonly isClear: Uint8Array
  readonly colours: GroundColours | null
}> {
  const pressure = await surfacePressure(productGrids(scene).finest, params.dem)
  const toa = await measureBands({
    ...{ scene, cells, blockSize, pool, budget, signal, keep: null },
    fine: { grid: cells, wanted: () => false },
    wanted: isWantedOnCells(scene.satellite),
    onProgress: () => undefined,
  })
  const air = await decideAtmosphere({
    scene,
    toa: toa.cells,
    pressure,
    params,
    state: before,
    blockSize,
    signal,
  })
  const isClear = air.isClearByMask.map((is, i) => (air.flags[i] === 0 ? is : 0))
  const seen = { scene, toa: toa.cells, pressure }
  return { planes: correctCells(seen, air, params.adjacency ? isClear : null), isClear, colours: air.colours }
}
