import type { Grid } from '../../domain/grid.js'

/** What a chain keeps of the ground, in this order. */
export const CELL_BANDS = ['blue', 'green', 'red', 'nir', 'swir16'] as const
export type CellBand = (typeof CELL_BANDS)[number]

/** The bands of a family that stand for them. B8A and B05 of OLI see nearly the same light. */
export const CELL_BAND_IDS: Readonly<Record<'s2' | 'landsat', Readonly<Record<CellBand, string>>>> = {
  s2: { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11' },
  landsat: { blue: 'B02', green: 'B03', red: 'B04', nir: 'B05', swir16: 'B06' },
}

/** Stored value of a cell without a reflectance. */
export const CELL_NO_DATA = -32768

/** Least edge of a cell, m: clouds are seen and the chain remembers at this resolution, as MACCS-ATCOR does (240 m). */
const CELL_M = 240

/** Mean reflectance of cells x 10000, row-major over `grid`; CELL_NO_DATA where less than half of a cell was measured. */
export interface CellPlanes {
  readonly grid: Grid
  readonly bands: Readonly<Record<CellBand, Int16Array>>
}

/**
 * The grid of cells over images of one extent whose pixels are `finest` and `largest` (a multiple of it). Cells lie on multiples of their edge,
 * counted from the phase of the pixels' own lattice: scenes of one path and row whose corners differ share their cells. The first and last row and column may reach
 * beyond the image.
 */
export function cellGrid(finest: Grid, largest: Grid, leastM = CELL_M): Grid {
  const pixel = largest.pixelWidthM
  const edge = pixel * Math.ceil(leastM / pixel)
  const floor = (at: number) => {
    const phase = at - Math.floor(at / pixel) * pixel
    return phase + Math.floor((at - phase) / edge) * edge
  }
  const ulx = floor(finest.ulx)
  // Downwards the lattice is the same mirrored.
  const uly = -floor(-finest.uly)
  const right = finest.ulx + finest.width * finest.pixelWidthM
  const bottom = finest.uly - finest.height * finest.pixelHeightM
  return {
    epsg: finest.epsg,
    ulx,
    uly,
    pixelWidthM: edge,
    pixelHeightM: edge,
    width: Math.ceil((right - ulx) / edge),
    height: Math.ceil((uly - bottom) / edge),
  }
}

/** Cells of half the edge, which the chain remembers too; the same where a cell has an odd number of pixels of `image` along its edge. */
export function finerCells(cells: Grid, image: Grid): Grid {
  return cellsOfImage(cells, image).side % 2 === 0 ? halvedCells(cells) : cells
}

/** Cells of half the edge, whatever they are made of. */
export const halvedCells = (cells: Grid): Grid => ({
  ...cells,
  ...{ width: 2 * cells.width, height: 2 * cells.height },
  ...{ pixelWidthM: cells.pixelWidthM / 2, pixelHeightM: cells.pixelHeightM / 2 },
})

/** The coarse cell in which each fine cell's centre lies; -1 beyond. */
export function parentsOf(fine: Grid, coarse: Grid): Int32Array {
  const columns = Int32Array.from({ length: fine.width }, (_, c) =>
    Math.floor((fine.ulx + (c + 0.5) * fine.pixelWidthM - coarse.ulx) / coarse.pixelWidthM),
  )
  const parents = new Int32Array(fine.width * fine.height).fill(-1)
  for (let r = 0; r < fine.height; r++) {
    const row = Math.floor((coarse.uly - fine.uly + (r + 0.5) * fine.pixelHeightM) / coarse.pixelHeightM)
    if (row < 0 || row >= coarse.height) continue
    for (let c = 0; c < fine.width; c++) {
      const column = columns[c]!
      if (column >= 0 && column < coarse.width) parents[r * fine.width + c] = row * coarse.width + column
    }
  }
  return parents
}

/** How an image lies in cells: pixels along a cell, and pixels of the first cell left of and above the image. */
export function cellsOfImage(
  cells: Grid,
  image: Grid,
): { readonly side: number; readonly left: number; readonly above: number } {
  return {
    side: Math.round(cells.pixelWidthM / image.pixelWidthM),
    left: Math.round((image.ulx - cells.ulx) / image.pixelWidthM),
    above: Math.round((cells.uly - image.uly) / image.pixelHeightM),
  }
}

/** Adds up parts of cells as they come, in any order, and divides at the end. */
export class CellMeans {
  private readonly sums: Float64Array
  private readonly counts: Int32Array

  constructor(
    readonly grid: Grid,
    /** Pixels along a cell. */
    private readonly side: number,
  ) {
    this.sums = new Float64Array(grid.width * grid.height)
    this.counts = new Int32Array(grid.width * grid.height)
  }

  add(part: {
    readonly x: number
    readonly y: number
    readonly columns: number
    readonly sums: Int32Array
    readonly counts: Int32Array
  }): void {
    for (let i = 0; i < part.sums.length; i++) {
      const at = (part.y + Math.floor(i / part.columns)) * this.grid.width + part.x + (i % part.columns)
      this.sums[at] = (this.sums[at] ?? 0) + (part.sums[i] ?? 0)
      this.counts[at] = (this.counts[at] ?? 0) + (part.counts[i] ?? 0)
    }
  }

  /** Means of squares of `by` x `by` cells, halves towards plus infinity; CELL_NO_DATA where less than half of a whole square was measured. */
  result(by = 1): Int16Array {
    const enough = (this.side * by) ** 2 / 2
    const { width, height } = this.grid
    const out = new Int16Array((width / by) * (height / by)).fill(CELL_NO_DATA)
    for (let i = 0; i < out.length; i++) {
      const first = Math.floor(i / (width / by)) * by * width + (i % (width / by)) * by
      let [sum, count] = [0, 0]
      for (let row = 0; row < by; row++)
        for (let at = first + row * width; at < first + row * width + by; at++) {
          sum += this.sums[at]!
          count += this.counts[at]!
        }
      if (count >= enough) out[i] = Math.round(sum / count)
    }
    return out
  }
}

/** Means of the bands that a chain remembers on cells of their grid, or on larger ones that are made of these; no-data where a band is missing. */
export function meansOn(grid: Grid, meansOf: (band: CellBand) => CellMeans | undefined): CellPlanes {
  const planeOf = (band: CellBand): Int16Array => {
    const means = meansOf(band)
    return (
      means?.result(grid.pixelWidthM / means.grid.pixelWidthM) ??
      new Int16Array(grid.width * grid.height).fill(CELL_NO_DATA)
    )
  }
  const bands = CELL_BANDS.map((band) => [band, planeOf(band)] as const)
  return { grid, bands: Object.fromEntries(bands) as Record<CellBand, Int16Array> }
}
