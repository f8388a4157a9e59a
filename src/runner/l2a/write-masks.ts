import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import { MASK_BITS, MASK_METADATA } from '../../domain/mask-bits.js'
import type { L1Scene, PixelBytes } from '../../domain/l1-scene.js'
import {
  classify,
  lowSunNodes,
  maskBits,
  maskOfSceneByte,
  NO_FACTS,
  sceneClassTable,
} from '../../processors/l2a/scene-mask.js'
import type { Axes } from '../../kernels/addon.js'
import { PRODUCT_FILES } from '../../products/layout.js'
import { openAll } from '../../raster/open-all.js'
import { openBandWriter } from '../band-writer.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import { ClearCells } from './clear-cells.js'
import { PLANE_BITS, type FlagPlane, type FlagPlanes } from './flag-planes.js'
import { givenClouds } from './given-clouds.js'
import type { Terrain } from './terrain.js'
import { productGrids } from './product-grids.js'

export interface WriteMasksInput {
  readonly scene: L1Scene
  readonly planes: FlagPlanes
  /** Null: level ground. */
  readonly terrain: Terrain | null
  /** The grids on which the chain remembers: whose clear cells are wanted. */
  readonly cells: Grid
  readonly finer: Grid
  /** 1 for each of these cells whose AOT or vapour is not of the image around. */
  readonly isDefaultAir: Uint8Array
  /** Raster with clouds that the user gave; null: none. */
  readonly cloudMask: string | null
  /** What was decided on cells: bits as in MASK.tif, and classes as in SCL.tif where a cell is clear land, these on shared memory. */
  readonly decided: { readonly grid: Grid; readonly bits: Uint16Array; readonly cover: Uint8Array }
  readonly folder: string
  readonly codec: Codec
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  readonly blockSize: number
}

export interface MaskShares {
  /** Of all pixels: data in every band. */
  readonly valid: number
  /** Of the valid pixels: cloud or shadow as far as known; null where no pixel is valid. */
  readonly cloud: number | null
  /** 1 for each clear cell of `cells` and of `finer`, else 0. */
  readonly isClear: Uint8Array
  readonly isClearFiner: Uint8Array
}

/**
 * MASK.tif on the finest grid, SCL.tif on that of the scene's class band. Every source of bits or classes is a plane of bytes on
 * some grid over the same ground; a pixel takes the byte nearest to its centre. Returns shares for report and item.
 */
export async function writeMasks(input: WriteMasksInput): Promise<MaskShares> {
  const { scene, planes } = input
  const { finest, scene: sceneGrid } = productGrids(scene)
  const sources = [
    ...planes.all().map((plane) => ({ plane, bitsOf: bitsOfPlaneByte })),
    {
      ...lowSunPlane(scene, finest),
      bitsOf: Uint16Array.from({ length: 256 }, (_, byte) => maskBits({ ...NO_FACTS, lowSun: byte !== 0 })),
    },
    ...decidedSources(input.decided),
    defaultAirSource(input),
    ...(input.terrain === null ? [] : [hiddenSource(input.terrain)]),
  ]
  const cover = coverSource(input.decided)
  const clear = new ClearCells(input.cells, finest)
  const clearFiner = new ClearCells(input.finer, finest)
  const [ownFine, ownScene] = await openAll<[PixelBytes | null, PixelBytes | null]>([
    () => scene.openMask(finest),
    () => scene.openMask(sceneGrid),
  ])
  try {
    const classes = sceneClassTable()
    const noData = 1 << MASK_BITS.noData
    const cloudBit = 1 << MASK_BITS.cloudOrShadow
    let valid = 0
    let cloudy = 0
    const maskOf = async (grid: Grid, block: Window, ownMask: PixelBytes | null): Promise<Uint16Array> => {
      input.signal.throwIfAborted()
      const mask = new Uint16Array(new SharedArrayBuffer(block.width * block.height * 2))
      await input.budget.run(() => orPlanes(input.pool, mask, block, grid, sources))
      if (ownMask !== null) {
        const bytes = new Uint8Array(mask.length)
        await ownMask.read(block, bytes)
        // By index here and below: an iterator over the pixels of a tile costs seconds.
        for (let i = 0; i < bytes.length; i++)
          if (bytes[i] !== 0) mask[i] = (mask[i] ?? 0) | (sceneBits[bytes[i] ?? 0] ?? 0)
      }
      if (input.cloudMask !== null) {
        const given = await givenClouds(input.cloudMask, windowGrid(grid, block), 'part')
        for (let i = 0; i < given.length; i++) if (given[i] === 1) mask[i] = (mask[i] ?? 0) | givenBits
      }
      return mask
    }
    const writer = openBandWriter(input.pool, {
      path: join(input.folder, PRODUCT_FILES.mask),
      grid: finest,
      dtype: 'uint16',
      noData: null,
      scale: 1,
      offset: 0,
      unit: '1',
      description: 'Mask bits, see docs/products.md',
      overview: 'nearest',
      codec: input.codec,
      metadata: MASK_METADATA,
    })
    await walkBlocks(blocksOf(finest, input.blockSize), input, async (block) => {
      const mask = await maskOf(finest, block, ownFine)
      for (let i = 0; i < mask.length; i++) {
        const bits = mask[i] ?? 0
        if ((bits & noData) !== 0) continue
        valid++
        if ((bits & cloudBit) !== 0) cloudy++
      }
      clear.add(block, mask)
      clearFiner.add(block, mask)
      await writer.writeBlock(block, mask)
    })
    await writer.finish()
    const classWriter = openBandWriter(input.pool, {
      path: join(input.folder, PRODUCT_FILES.scl),
      grid: sceneGrid,
      dtype: 'uint8',
      noData: 0,
      scale: 1,
      offset: 0,
      unit: '1',
      description: "Scene class, Sen2Cor's numbers",
      overview: 'nearest',
      codec: input.codec,
      metadata: {},
    })
    await walkBlocks(blocksOf(sceneGrid, input.blockSize), input, async (block) => {
      const mask = await maskOf(sceneGrid, block, ownScene)
      const ground = new Uint16Array(new SharedArrayBuffer(mask.length * 2))
      await input.budget.run(() => orPlanes(input.pool, ground, block, sceneGrid, [cover]))
      const scl = new Uint8Array(new SharedArrayBuffer(mask.length))
      classify(mask, ground, classes, scl)
      await classWriter.writeBlock(block, scl)
    })
    await classWriter.finish()
    return {
      valid: valid / (finest.width * finest.height),
      cloud: valid === 0 ? null : cloudy / valid,
      isClear: clear.isClear,
      isClearFiner: clearFiner.isClear,
    }
  } finally {
    ownFine?.close()
    ownScene?.close()
  }
}

const sceneBits = maskOfSceneByte()
const givenBits = maskBits({ ...NO_FACTS, givenCloud: true })
const LOW_BYTE = Uint16Array.from({ length: 256 }, (_, byte) => byte)
const HIGH_BYTE = LOW_BYTE.map((byte) => byte << 8)
const bitsOfPlaneByte = Uint16Array.from({ length: 256 }, (_, byte) =>
  maskBits({
    ...NO_FACTS,
    noData: (byte & PLANE_BITS.noDataSome) !== 0,
    saturatedVisible: (byte & PLANE_BITS.saturatedVisible) !== 0,
    lowSun: (byte & PLANE_BITS.grazing) !== 0,
  }),
)

const hiddenBits = Uint16Array.from({ length: 256 }, (_, byte) =>
  maskBits({ ...NO_FACTS, hidden: byte !== 0 }),
)

interface PlaneBits {
  readonly plane: FlagPlane
  readonly bitsOf: Uint16Array
  /** The ground that the plane covers; default: that of the image. */
  readonly ground?: Grid
}

function defaultAirSource({ cells, isDefaultAir }: WriteMasksInput): PlaneBits {
  const bytes = new Uint8Array(new SharedArrayBuffer(isDefaultAir.length))
  bytes.set(isDefaultAir)
  const bitsOf = Uint16Array.from({ length: 256 }, (_, byte) =>
    maskBits({ ...NO_FACTS, defaultAtmosphere: byte !== 0 }),
  )
  return { plane: { rows: cells.height, columns: cells.width, bytes }, bitsOf, ground: cells }
}

function coverSource({ grid, cover }: WriteMasksInput['decided']): PlaneBits {
  return { plane: { rows: grid.height, columns: grid.width, bytes: cover }, bitsOf: LOW_BYTE, ground: grid }
}

/** Two planes of bytes: kernels know no wider ones. */
function decidedSources({ grid, bits }: WriteMasksInput['decided']): PlaneBits[] {
  return [LOW_BYTE, HIGH_BYTE].map((bitsOf, half) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(bits.length))
    for (let i = 0; i < bits.length; i++) bytes[i] = (bits[i] ?? 0) >> (8 * half)
    return { plane: { rows: grid.height, columns: grid.width, bytes }, bitsOf, ground: grid }
  })
}

function windowGrid(grid: Grid, { x, y, width, height }: Window): Grid {
  return {
    ...{ ...grid, width, height },
    ...{ ulx: grid.ulx + x * grid.pixelWidthM, uly: grid.uly - y * grid.pixelHeightM },
  }
}

function hiddenSource({ grid, hidden }: Terrain): PlaneBits {
  return {
    plane: { rows: grid.height, columns: grid.width, bytes: hidden },
    bitsOf: hiddenBits,
    ground: grid,
  }
}

/** Adds the bits of planes over the same ground to a block of a mask on `grid`. */
async function orPlanes(
  pool: KernelPool,
  mask: Uint16Array,
  window: Window,
  grid: Grid,
  sources: readonly PlaneBits[],
): Promise<void> {
  for (const { plane, bitsOf, ground } of sources)
    await pool.orFlags({ mask, window, plane: { ...plane, axes: axesOn(grid, plane, ground) }, bitsOf })
}

/** Where the centres of an image's pixels fall in a plane. */
function axesOn(grid: Grid, { columns, rows }: FlagPlane, ground: Grid | undefined): Axes {
  if (ground === undefined)
    return {
      x0: (0.5 * columns) / grid.width,
      dx: columns / grid.width,
      y0: (0.5 * rows) / grid.height,
      dy: rows / grid.height,
    }
  return {
    x0: (grid.ulx + grid.pixelWidthM / 2 - ground.ulx) / ground.pixelWidthM,
    dx: grid.pixelWidthM / ground.pixelWidthM,
    y0: (ground.uly - grid.uly + grid.pixelHeightM / 2) / ground.pixelHeightM,
    dy: grid.pixelHeightM / ground.pixelHeightM,
  }
}

/** Low sun by cells of 5 km, each with the node at its upper left corner. */
function lowSunPlane({ sun }: L1Scene, { epsg }: Grid): Pick<PlaneBits, 'plane' | 'ground'> {
  const bytes = new Uint8Array(new SharedArrayBuffer(sun.rows * sun.cols))
  bytes.set(lowSunNodes(sun))
  const { ulx, uly, stepXM: pixelWidthM, stepYM: pixelHeightM, rows, cols } = sun
  return {
    plane: { rows, columns: cols, bytes },
    ground: { epsg, ulx, uly, pixelWidthM, pixelHeightM, width: cols, height: rows },
  }
}

/** For each pixel of a block of any grid over the scene: 1 where some band has no data. */
export async function isNoDataOn(input: WriteMasksInput, grid: Grid, block: Window): Promise<Uint8Array> {
  const sources = input.planes.all().map((plane) => ({ plane, bitsOf: bitsOfPlaneByte }))
  const mask = new Uint16Array(new SharedArrayBuffer(block.width * block.height * 2))
  await input.budget.run(() => orPlanes(input.pool, mask, block, grid, sources))
  const isNoData = new Uint8Array(mask.length)
  for (let i = 0; i < mask.length; i++) isNoData[i] = ((mask[i] ?? 0) >> MASK_BITS.noData) & 1
  return isNoData
}
