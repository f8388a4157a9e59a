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
    private readonly grid: Grid,
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

  /** Means, halves towards plus infinity; CELL_NO_DATA where less than half of a whole cell was measured. */
  result(): Int16Array {
    const enough = (this.side * this.side) / 2
    const out = new Int16Array(this.sums.length).fill(CELL_NO_DATA)
    for (let i = 0; i < out.length; i++) {
      const count = this.counts[i] ?? 0
      if (count >= enough) out[i] = Math.round((this.sums[i] ?? 0) / count)
    }
    return out
  }
}
