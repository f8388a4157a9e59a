import type { Position } from '../../domain/polygon.js'

/** A tile where it lies: degrees, longitudes continuous over the site. */
export interface PlacedTile {
  readonly tile: string
  readonly centre: Position
}

/**
 * Cuts tiles into N parts that differ by at most one tile, contiguous where a straight cut allows it. Recursive bisection: along that of
 * the two axes whose halves fall into fewer pieces, else along the longer one. The same for any order of the input. `neighbours` says
 * whether two tiles touch. N above the number of tiles gives one part a tile. Pure.
 */
export function balanceTiles(
  tiles: readonly PlacedTile[],
  parts: number,
  neighbours: (a: PlacedTile, b: PlacedTile) => boolean,
): readonly (readonly PlacedTile[])[] {
  const n = Math.min(parts, tiles.length)
  if (n <= 1) return tiles.length === 0 ? [] : [inOrder(tiles, 0)]
  const first = Math.floor(n / 2)
  // Parts of floor or ceil(count / n) tiles each: the first half takes what its share of them is.
  const least = Math.floor(tiles.length / n)
  const extra = tiles.length - least * n
  const cut = first * least + Math.min(first, extra)
  const stretch = (axis: 0 | 1) => {
    const values = tiles.map(({ centre }) => centre[axis])
    // Degrees of longitude are shorter than those of latitude.
    const scale = axis === 0 ? Math.cos((middle(tiles.map(({ centre }) => centre[1])) * Math.PI) / 180) : 1
    return (Math.max(...values) - Math.min(...values)) * scale
  }
  const cuts = ([0, 1] as const).map((axis) => {
    const ordered = inOrder(tiles, axis)
    const halves = [ordered.slice(0, cut), ordered.slice(cut)] as const
    return {
      halves,
      pieces: pieces(halves[0], neighbours) + pieces(halves[1], neighbours),
      stretch: stretch(axis),
    }
  })
  const [best] = cuts.sort((a, b) => a.pieces - b.pieces || b.stretch - a.stretch)
  if (best === undefined) return []
  return [
    ...balanceTiles(best.halves[0], first, neighbours),
    ...balanceTiles(best.halves[1], n - first, neighbours),
  ]
}

const middle = (values: readonly number[]): number => (Math.max(...values) + Math.min(...values)) / 2

/** Along one axis, then the other, then by name. */
function inOrder(tiles: readonly PlacedTile[], axis: 0 | 1): readonly PlacedTile[] {
  const other = axis === 0 ? 1 : 0
  return [...tiles].sort(
    (a, b) =>
      a.centre[axis] - b.centre[axis] || a.centre[other] - b.centre[other] || (a.tile < b.tile ? -1 : 1),
  )
}

/** Into how many connected pieces tiles fall. */
export function pieces(
  tiles: readonly PlacedTile[],
  neighbours: (a: PlacedTile, b: PlacedTile) => boolean,
): number {
  const left = new Set(tiles)
  let count = 0
  for (const start of tiles) {
    if (!left.delete(start)) continue
    count++
    const reached = [start]
    for (let tile = reached.pop(); tile !== undefined; tile = reached.pop())
      for (const other of left)
        if (neighbours(tile, other)) {
          left.delete(other)
          reached.push(other)
        }
  }
  return count
}
