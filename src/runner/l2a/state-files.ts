import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import { blocksOf, describeGrid, type Grid } from '../../domain/grid.js'
import { CELL_BANDS, CELL_NO_DATA, halvedCells, type CellBand } from '../../processors/l2a/cells.js'
import type { KnownGround, LeftState, Memory } from '../../processors/l2a/chain-state.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { noColours } from '../../processors/l2a/ground-colours.js'
import { openL2aProduct } from '../../products/l2a/open-l2a.js'
import { readReport } from '../../products/l2a/read-report.js'
import {
  FINER_STATE_DAYS_FILE,
  finerStateFile,
  STATE_DAYS_FILE,
  STATE_RATIO_FILE,
  STATE_RATIO_SIGMA_FILE,
  stateFile,
} from '../../products/layout.js'
import { openRaster, type PixelArray } from '../../raster/open-raster.js'
import { openBandWriter } from '../band-writer.js'
import type { KernelPool } from '../kernel-pool.js'

const BLOCK = 512
/** Of what the files mean; STATE_days.tif has it as TILTH_STATE, those that were made before it had a number are 1. Version 1 has no colours, versions 1 and 2 no smaller cells: nothing is known of them then. */
const STATE_VERSION = 3

/** Whether light from beside was taken off the ground that a state holds, in STATE_days.tif. */
const ADJACENCY_KEY = 'TILTH_STATE_ADJACENCY'

/** Writes the state that a date leaves into its product's folder, with whether light from beside was taken off it. Rejects with DISK_FULL, WRITE_FAILED. */
export async function writeState(
  folder: string,
  { state, finer }: KnownGround,
  {
    pool,
    codec,
    params,
  }: { readonly pool: KernelPool; readonly codec: Codec; readonly params: Pick<L2aParams, 'adjacency'> },
): Promise<void> {
  const write = async (grid: Grid, file: string, pixels: Int16Array | Uint16Array, spec: object) => {
    const writer = openBandWriter(pool, {
      ...{ path: join(folder, file), grid, codec, offset: 0, metadata: {}, unit: '1' },
      ...{ dtype: 'uint16', noData: 0, scale: 1, overview: 'nearest' },
      description: 'Day on which the cell was clear, since 1970-01-01 UTC',
      ...spec,
    })
    for (const window of blocksOf(grid, BLOCK)) {
      const block = pixels.slice(0, window.width * window.height)
      for (let y = 0; y < window.height; y++) {
        const from = (window.y + y) * grid.width + window.x
        block.set(pixels.subarray(from, from + window.width), y * window.width)
      }
      await writer.writeBlock(window, block)
    }
    await writer.finish()
  }
  for (const [{ grid, bands }, fileOf] of [
    [state, stateFile],
    [finer, finerStateFile],
  ] as const)
    for (const band of CELL_BANDS)
      await write(grid, fileOf(band), bands[band], {
        ...{ dtype: 'int16', noData: CELL_NO_DATA, scale: 0.0001, overview: 'average' },
        description: `Surface reflectance when the cell was last clear, ${band}`,
      })
  await write(state.grid, STATE_RATIO_FILE, state.ratio, {
    ...{ dtype: 'int16', noData: CELL_NO_DATA, scale: 0.0001, overview: 'average' },
    description: 'Blue over red as clear dates have shown it',
  })
  await write(state.grid, STATE_RATIO_SIGMA_FILE, state.ratioSigma, {
    scale: 0.0001,
    description: 'Standard deviation of blue over red',
  })
  await write(finer.grid, FINER_STATE_DAYS_FILE, finer.days, {})
  await write(state.grid, STATE_DAYS_FILE, state.days, {
    metadata: { TILTH_STATE: `${STATE_VERSION}`, [ADJACENCY_KEY]: params.adjacency ? 'on' : 'off' },
  })
}

/**
 * Reads the state in a product's folder. Rejects with RASTER_UNREADABLE where a file is missing or cut, GRID_MISMATCH where they do not lie on
 * one grid, or the smaller cells not on halves of it, PRODUCT_UNSUPPORTED where a newer version of this program has written it.
 */
export async function readState(folder: string): Promise<LeftState> {
  const { memory, read, version } = await readMemory(folder, stateFile)
  const colours =
    version === 1
      ? noColours(memory.days.length)
      : {
          ratio: await read(STATE_RATIO_FILE, (n) => new Int16Array(n)),
          ratioSigma: await read(STATE_RATIO_SIGMA_FILE, (n) => new Uint16Array(n)),
        }
  const finer = version < 3 ? null : (await readMemory(folder, finerStateFile)).memory
  if (finer !== null) mustDivide(finer.grid, memory.grid, join(folder, FINER_STATE_DAYS_FILE))
  return { state: { ...memory, ...colours }, finer }
}

/** Throws GRID_MISMATCH where smaller cells are neither halves of the larger ones nor these: their digest does not say where they lie. */
function mustDivide(finer: Grid, cells: Grid, path: string): void {
  const found = describeGrid(finer)
  const expected = [halvedCells(cells), cells].map(describeGrid)
  if (!expected.includes(found))
    throw new ProcessingError(
      'GRID_MISMATCH',
      `'${path}': expected ${expected.join(' or ')}, found ${found}.`,
    )
}

/** The bands and days of one size of cells, what reads more files on their grid, and the version that the days tell. */
async function readMemory(folder: string, fileOf: (what: string) => string) {
  let grid: Grid | null = null
  let version = 1
  const read = async <T extends PixelArray>(file: string, make: (pixels: number) => T): Promise<T> => {
    const reader = await openRaster(join(folder, file))
    try {
      grid ??= reader.grid
      if (reader.grid === null || grid === null || describeGrid(reader.grid) !== describeGrid(grid))
        throw new ProcessingError(
          'GRID_MISMATCH',
          `'${reader.path}': expected the grid of the state's other files, ${grid === null ? 'a grid' : describeGrid(grid)}, ` +
            `found ${reader.grid === null ? String(reader.whyNoGrid) : describeGrid(reader.grid)}.`,
        )
      version = Number(reader.metadata['TILTH_STATE'] ?? 1)
      if (!(version <= STATE_VERSION))
        throw new ProcessingError(
          'PRODUCT_UNSUPPORTED',
          `'${reader.path}' is the state of a chain in version ${version}, expected ${STATE_VERSION} or less: a newer Tilth made it.`,
        )
      const pixels = make(reader.width * reader.height)
      await reader.read(0, { x: 0, y: 0, width: reader.width, height: reader.height }, pixels)
      return pixels
    } finally {
      reader.close()
    }
  }
  const bands: Partial<Record<CellBand, Int16Array>> = {}
  for (const band of CELL_BANDS) bands[band] = await read(fileOf(band), (n) => new Int16Array(n))
  const days = await read(fileOf('days'), (n) => new Uint16Array(n))
  const memory: Memory = {
    grid: grid as unknown as Grid,
    bands: bands as Record<CellBand, Int16Array>,
    days,
  }
  return { memory, read, version }
}

/**
 * Whether light from beside was taken off the ground in the state of a product: as its file says, else, of one that is older than that or cut, as the report of the
 * product. Null where neither tells. Never rejects.
 */
export async function stateAdjacency(folder: string): Promise<boolean | null> {
  const said = await saidByState(folder).catch(() => undefined)
  if (said === 'on' || said === 'off') return said === 'on'
  try {
    const { parameters } = await readReport(await openL2aProduct(folder))
    const value = parameters['adjacency']?.value
    return typeof value === 'boolean' ? value : null
  } catch {
    return null
  }
}

async function saidByState(folder: string): Promise<unknown> {
  const reader = await openRaster(join(folder, STATE_DAYS_FILE))
  try {
    return reader.metadata[ADJACENCY_KEY]
  } finally {
    reader.close()
  }
}

/** SHA-256 (hex) of what a state says, however its files are packed: two states with one digest begin the next date alike. Without colours and smaller cells it is that of version 1, by which products of then are registered. */
export function digestOf({ state, finer }: LeftState): string {
  const hash = createHash('sha256').update(describeGrid(state.grid))
  const colours = state.ratioSigma.some((sigma) => sigma !== 0) ? [state.ratio, state.ratioSigma] : []
  const planesOf = ({ bands, days }: Memory) => [...CELL_BANDS.map((band) => bands[band]), days]
  for (const plane of [...planesOf(state), ...colours, ...(finer === null ? [] : planesOf(finer))])
    hash.update(new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength))
  return hash.digest('hex')
}
