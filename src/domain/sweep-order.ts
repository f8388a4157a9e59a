import { side } from './edge-index.js'
import type { Edge } from './find-crossing.js'

/** Numbers in one piece at most; a full one is cut in two. */
const PIECE = 256

interface Piece {
  readonly items: number[]
  before: Piece | null
  after: Piece | null
}

/**
 * Edges under a sweep line from bottom to top, as numbers of a list. Kept in pieces of an ordered list: a search is binary over
 * pieces, then within one, and inserting moves one piece only.
 */
export class SweepOrder {
  private readonly pieces: Piece[] = [{ items: [], before: null, after: null }]
  private readonly pieceOf: (Piece | undefined)[]

  constructor(private readonly edges: readonly Edge[]) {
    this.pieceOf = new Array<Piece | undefined>(edges.length)
  }

  /** Puts an edge in as the sweep reaches its beginning; returns its neighbours below and above, -1 for none. */
  insert(edge: number): readonly [number, number] {
    // The last piece that begins below the edge, else the first.
    let low = 0
    let high = this.pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      const first = this.pieces[middle]?.items[0]
      if (first !== undefined && this.isAbove(edge, first)) low = middle
      else high = middle - 1
    }
    const piece = this.pieces[low]
    if (piece === undefined) return [-1, -1]
    let from = 0
    let to = piece.items.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.isAbove(edge, piece.items[middle] ?? 0)) from = middle + 1
      else to = middle
    }
    piece.items.splice(from, 0, edge)
    this.pieceOf[edge] = piece
    const around = this.neighbours(piece, from)
    if (piece.items.length > PIECE) this.cut(piece, low)
    return around
  }

  /** Takes an edge out as the sweep reaches its end; returns what were its neighbours and now are each other's. */
  remove(edge: number): readonly [number, number] {
    const piece = this.pieceOf[edge]
    const at = piece?.items.indexOf(edge) ?? -1
    if (piece === undefined || at < 0) return [-1, -1]
    const around = this.neighbours(piece, at)
    piece.items.splice(at, 1)
    this.pieceOf[edge] = undefined
    if (piece.items.length === 0 && this.pieces.length > 1) {
      this.pieces.splice(this.pieces.indexOf(piece), 1)
      if (piece.before !== null) piece.before.after = piece.after
      if (piece.after !== null) piece.after.before = piece.before
    }
    return around
  }

  /** Whether an edge that begins now lies above one that is under the sweep; from a common place, by where it goes. */
  private isAbove(edge: number, other: number): boolean {
    const e = this.edges[edge]
    const f = this.edges[other]
    if (e === undefined || f === undefined) return false
    return (side(f[0], f[1], e[0]) || side(f[0], f[1], e[1])) > 0
  }

  private neighbours({ items, before, after }: Piece, at: number): readonly [number, number] {
    return [items[at - 1] ?? before?.items.at(-1) ?? -1, items[at + 1] ?? after?.items[0] ?? -1]
  }

  private cut(piece: Piece, place: number): void {
    const upper: Piece = { items: piece.items.splice(PIECE >> 1), before: piece, after: piece.after }
    for (const edge of upper.items) this.pieceOf[edge] = upper
    if (piece.after !== null) piece.after.before = upper
    piece.after = upper
    this.pieces.splice(place + 1, 0, upper)
  }
}
