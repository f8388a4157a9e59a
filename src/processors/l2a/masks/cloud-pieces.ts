import type { Objects, PlaneSize } from './cell-shapes.js'

/** Edge of the squares into which large objects are cut, cells: 1.2 km of 60 m. */
const PIECE_CELLS = 20
/** Objects whose box is no wider and no higher stay whole. */
const WHOLE_CELLS = 30
/** How far from an object its seam reaches, cells. */
const SEAM_CELLS = 2

/** A part of a cloud object that is given one height. */
export interface CloudPiece {
  /** Its cells, ascending. */
  readonly cells: Int32Array
  /** Cells within 2 of its object that belong to no object. */
  readonly seam: Int32Array
}

/** The pieces of one object, on a lattice of squares over its box. */
export interface PiecesOfObject {
  readonly columns: number
  readonly rows: number
  /** [rows][columns]; some may be empty. */
  readonly pieces: readonly CloudPiece[]
}

/**
 * Cuts cloud objects into squares of about 1.2 km, in the order of the objects. A sheet of clouds that covers half of a tile is one object, but its parts may stand at different altitudes.
 * @param isWhole cut nothing.
 */
export function cloudPieces(objects: Objects, size: PlaneSize, isWhole: boolean): PiecesOfObject[] {
  const knife = new Knife(objects, size)
  return Array.from({ length: objects.count }, (_, n) => knife.cut(n, isWhole))
}

class Knife {
  /** Which object a cell was last taken as seam for, from 1. */
  private readonly stamps: Int32Array

  constructor(
    private readonly objects: Objects,
    private readonly size: PlaneSize,
  ) {
    this.stamps = new Int32Array(objects.labels.length)
  }

  cut(n: number, isWhole: boolean): PiecesOfObject {
    const { cells: all, starts } = this.objects
    const { width } = this.size
    const cells = all.subarray(starts[n], starts[n + 1])
    let [left, right] = [width, 0]
    for (let k = 0; k < cells.length; k++) {
      const x = cells[k]! % width
      left = Math.min(left, x)
      right = Math.max(right, x)
    }
    const [top, bottom] = [Math.floor(cells[0]! / width), Math.floor(cells[cells.length - 1]! / width)]
    const [across, down] = [right - left + 1, bottom - top + 1]
    const stays = isWhole || Math.max(across, down) <= WHOLE_CELLS
    const [columns, rows] = stays ? [1, 1] : [Math.ceil(across / PIECE_CELLS), Math.ceil(down / PIECE_CELLS)]
    // The seam reaches beyond the box: it goes to the nearest square.
    const within = (place: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(place)))
    const squareOf = (cell: number): number => {
      const x = cell % width
      const row = within((((cell - x) / width - top) * rows) / down, rows)
      return row * columns + within(((x - left) * columns) / across, columns)
    }
    const seams = split(this.seamOf(n, cells), columns * rows, squareOf)
    const pieces = split(cells, columns * rows, squareOf).map((inside, k) => ({
      cells: inside,
      seam: seams[k]!,
    }))
    return { columns, rows, pieces }
  }

  private seamOf(n: number, cells: Int32Array): Int32Array {
    const { width, height } = this.size
    const { labels } = this.objects
    const seam: number[] = []
    for (let k = 0; k < cells.length; k++) {
      const cell = cells[k]!
      const x = cell % width
      const y = (cell - x) / width
      for (let r = Math.max(0, y - SEAM_CELLS); r <= Math.min(height - 1, y + SEAM_CELLS); r++)
        for (let c = Math.max(0, x - SEAM_CELLS); c <= Math.min(width - 1, x + SEAM_CELLS); c++) {
          const at = r * width + c
          if (labels[at] !== 0 || this.stamps[at] === n + 1) continue
          this.stamps[at] = n + 1
          seam.push(at)
        }
    }
    return Int32Array.from(seam)
  }
}

/** Cells by the part they belong to, each in the order given. */
function split(cells: Int32Array, count: number, partOf: (cell: number) => number): Int32Array[] {
  if (count === 1) return [cells]
  const parts = Int32Array.from(cells, partOf)
  const sizes = new Int32Array(count)
  for (let k = 0; k < parts.length; k++) sizes[parts[k]!]!++
  const out = Array.from(sizes, (size) => new Int32Array(size))
  const next = new Int32Array(count)
  for (let k = 0; k < cells.length; k++) {
    const part = parts[k]!
    out[part]![next[part]!++] = cells[k]!
  }
  return out
}
