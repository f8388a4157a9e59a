import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { MASK_BITS } from '../src/domain/mask-bits.js'
import { decideMasks } from '../src/processors/l2a/masks/decide-masks.js'
import { MASK_BANDS, type MaskBand, type MaskCells } from '../src/processors/l2a/masks/mask-cells.js'
import { DATA } from './reference-table.js'

const FOLDER = join(DATA, 'cloud-reference')
export const hasCloudReference = existsSync(FOLDER)

/** What the scenes' pixels are taken for, m: their README says "30 m-class". */
const PIXEL_M = 30
/** Codes of the reference: 0 shadow, 4 cloud, 1 to 3 snow, water and land, which are clear; anything else is not scored. */
const [SHADOW, CLOUD] = [0, 4]
const DILATION_M = 120

/** Classes of the scores. */
export const CLOUD_CLASSES = ['shadow', 'clear', 'cloud'] as const

export interface CloudComparison {
  readonly scene: string
  /** Edge of the cells on which masks were decided, m. */
  readonly cellM: number
  /** Scored pixels by class of the reference (row) and ours (column), in the order of CLOUD_CLASSES. */
  readonly confusion: readonly (readonly number[])[]
  readonly kappa: number
  /** By class. */
  readonly f1: readonly number[]
  /** Share of the reference's clouds under bit 0, which is dilated, and of its clear pixels lost to it. */
  readonly dilatedRecall: number
  readonly clearLost: number
}

/** Names of the scenes that have both images. */
export function cloudScenes(): string[] {
  const files = readdirSync(FOLDER)
  return files
    .filter((file) => file.endsWith('_toa.tif') && files.includes(file.replace('_toa.tif', '_mask.tif')))
    .map((file) => file.replace('_toa.tif', ''))
    .sort()
}

/**
 * Compares our masks of one date with the reference mask of a scene: six bands, nothing known of sun, sight, altitude or other dates. Masks are decided on cells of `side` x `side` pixels and
 * scored pixel by pixel, so that coarser cells pay for what they cannot draw.
 */
export function compareClouds(scene: string, side = 1): CloudComparison {
  const cells = readCells(scene, side)
  const { planes, width } = readRaster(join(FOLDER, `${scene}_mask.tif`))
  const { bits } = decideMasks({
    cells,
    ...{ sky: null, altitudeM: null, chain: null, cirrus: null, givenCloud: null },
    dilationM: DILATION_M,
  })
  const confusion = CLOUD_CLASSES.map(() => CLOUD_CLASSES.map(() => 0))
  let [cloudBelow, clearBelow] = [0, 0]
  planes[0]!.forEach((code, i) => {
    if (code > CLOUD) return
    const cell = Math.floor(Math.floor(i / width) / side) * cells.grid.width + Math.floor((i % width) / side)
    const mask = bits[cell] ?? 0
    const theirs = code === SHADOW ? 0 : code === CLOUD ? 2 : 1
    confusion[theirs]![classOf(mask)]!++
    const isBelow = mask & (1 << MASK_BITS.cloudOrShadow) ? 1 : 0
    if (theirs === 2) cloudBelow += isBelow
    if (theirs === 1) clearBelow += isBelow
  })
  const ofTheirs = confusion.map((row) => row.reduce((a, b) => a + b, 0))
  return {
    scene,
    cellM: PIXEL_M * side,
    confusion,
    ...agreement(confusion),
    dilatedRecall: cloudBelow / ofTheirs[2]!,
    clearLost: clearBelow / ofTheirs[1]!,
  }
}

const has = (mask: number, name: keyof typeof MASK_BITS): boolean => (mask & (1 << MASK_BITS[name])) !== 0

const classOf = (mask: number): number =>
  has(mask, 'cloud') ? 2 : has(mask, 'shadowInside') || has(mask, 'shadowOutside') ? 0 : 1

/** Cohen's kappa over all classes, F1 of each. */
export function agreement(confusion: readonly (readonly number[])[]): {
  readonly kappa: number
  readonly f1: readonly number[]
} {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  const rows = confusion.map(sum)
  const columns = confusion.map((_, j) => sum(confusion.map((row) => row[j]!)))
  const all = sum(rows)
  const same = sum(confusion.map((row, i) => row[i]!)) / all
  const byChance = sum(rows.map((n, i) => n * columns[i]!)) / all ** 2
  return {
    kappa: (same - byChance) / (1 - byChance),
    f1: confusion.map((row, i) => (2 * row[i]!) / (rows[i]! + columns[i]!)),
  }
}

interface Raster {
  readonly width: number
  readonly height: number
  readonly planes: readonly Float64Array[]
}

function readRaster(path: string): Raster {
  const dataset = gdal.open(path)
  try {
    const { x, y } = dataset.rasterSize
    const planes = dataset.bands.map((band) =>
      Float64Array.from(band.pixels.read(0, 0, x, y) as ArrayLike<number>),
    )
    return { width: x, height: y, planes }
  } finally {
    dataset.close()
  }
}

/** Means over `side` x `side` pixels; the images' sides are multiples of it. */
function readCells(scene: string, side: number): MaskCells {
  const { width, height, planes } = readRaster(join(FOLDER, `${scene}_toa.tif`))
  const [columns, rows] = [Math.floor(width / side), Math.floor(height / side)]
  const mean = (plane: Float64Array) =>
    Float32Array.from({ length: columns * rows }, (_, cell) => {
      const [x, y] = [(cell % columns) * side, Math.floor(cell / columns) * side]
      let sum = 0
      for (let r = 0; r < side; r++) for (let c = 0; c < side; c++) sum += plane[(y + r) * width + x + c]!
      return sum / side ** 2 / 10_000
    })
  const edge = PIXEL_M * side
  return {
    grid: {
      epsg: 32631,
      ulx: 0,
      uly: 0,
      pixelWidthM: edge,
      pixelHeightM: edge,
      width: columns,
      height: rows,
    },
    bands: Object.fromEntries(MASK_BANDS.map((band, i) => [band, mean(planes[i]!)])) as Record<
      MaskBand,
      Float32Array
    >,
    isSaturated: new Uint8Array(columns * rows),
  }
}
