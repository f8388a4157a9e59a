import { side } from './edge-index.js'
import type { PolygonRings, Position } from './polygon.js'
import { SweepOrder } from './sweep-order.js'

/**
 * A place where two edges cross, or where they run along each other; touching in a single point is allowed. Null where there is none.
 *
 * Shamos and Hoey (1976), "Geometric intersection problems", 17th IEEE FOCS: a line sweeps over the edges in the order of (x, y) and
 * keeps those under it in their order; only neighbours are compared. n log n for any shape. Where three edges nearly meet, rounding may
 * change which crossing is found first; what is returned is a crossing for certain.
 */
export function findCrossing(rings: PolygonRings): Position | null {
  const edges = edgesOf(rings)
  const order = new SweepOrder(edges)
  const meet = (i: number, j: number): Position | null => {
    const [e, f] = [edges[i], edges[j]]
    return e === undefined || f === undefined ? null : meeting(e, f)
  }
  for (const event of eventsOf(edges)) {
    const i = event >> 1
    if ((event & 1) === 0) {
      const [below, above] = order.remove(i)
      const place = below < 0 || above < 0 ? null : meet(below, above)
      if (place !== null) return place
    } else {
      const [below, above] = order.insert(i)
      const place = (below < 0 ? null : meet(i, below)) ?? (above < 0 ? null : meet(i, above))
      if (place !== null) return place
    }
  }
  return null
}

/** From the end that the sweep meets first to the other. */
export type Edge = readonly [Position, Position]

function edgesOf(rings: PolygonRings): Edge[] {
  const edges: Edge[] = []
  for (const ring of rings)
    for (let i = 1; i < ring.length; i++) {
      const a = ring[i - 1]
      const b = ring[i]
      if (a === undefined || b === undefined || (a[0] === b[0] && a[1] === b[1])) continue
      edges.push(a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]) ? [a, b] : [b, a])
    }
  return edges
}

/** Twice the edge's number, plus one where it begins. At one place edges end before others begin: those only touch. */
function eventsOf(edges: readonly Edge[]): Uint32Array {
  const x = new Float64Array(edges.length * 2)
  const y = new Float64Array(edges.length * 2)
  for (const [i, [a, b]] of edges.entries()) {
    x[2 * i + 1] = a[0]
    y[2 * i + 1] = a[1]
    x[2 * i] = b[0]
    y[2 * i] = b[1]
  }
  const at = (values: Float64Array, i: number): number => values[i] ?? 0
  return Uint32Array.from({ length: edges.length * 2 }, (_, i) => i).sort(
    (i, j) => at(x, i) - at(x, j) || at(y, i) - at(y, j) || (i & 1) - (j & 1) || i - j,
  )
}

/** Where two edges cross, or the middle of what they share; null where they have at most a point in common that ends one of them. */
function meeting([pa, pb]: Edge, [qa, qb]: Edge): Position | null {
  const d1 = side(qa, qb, pa)
  const d2 = side(qa, qb, pb)
  const d3 = side(pa, pb, qa)
  const d4 = side(pa, pb, qb)
  if (d1 * d2 < 0 && d3 * d4 < 0) {
    const [px, py] = [pb[0] - pa[0], pb[1] - pa[1]]
    const [qx, qy] = [qb[0] - qa[0], qb[1] - qa[1]]
    const t = ((qa[0] - pa[0]) * qy - (qa[1] - pa[1]) * qx) / (px * qy - py * qx)
    return [pa[0] + t * px, pa[1] + t * py]
  }
  if (d1 !== 0 || d2 !== 0) return null
  // On one line: more than a point in common means a spike or a doubled edge.
  const axis = Math.abs(pb[0] - pa[0]) >= Math.abs(pb[1] - pa[1]) ? 0 : 1
  const span = [pa, pb].sort((a, b) => a[axis] - b[axis])
  const other = [qa, qb].sort((a, b) => a[axis] - b[axis])
  const start = [span[0], other[0]].reduce((a, b) => ((a?.[axis] ?? 0) >= (b?.[axis] ?? 0) ? a : b))
  const end = [span[1], other[1]].reduce((a, b) => ((a?.[axis] ?? 0) <= (b?.[axis] ?? 0) ? a : b))
  if (start === undefined || end === undefined || start[axis] >= end[axis]) return null
  return [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2]
}
