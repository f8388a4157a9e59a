/** A polygon with holes in ground coordinates: rings of x, y pairs; the first ring may be any, the even-odd rule decides. */
export interface Polygon {
  readonly rings: readonly Float64Array[]
}

/** Stretches [from, to) of a horizontal line, in ground x, ascending, without overlap. */
export type Spans = readonly (readonly [number, number])[]

/**
 * Where the line at ground `y` runs inside a polygon, by the even-odd rule. An edge counts from its lower end (included) to its upper
 * end (excluded), so that a vertex on the line counts once and horizontal edges never. Rings need not be closed.
 */
export function spansAt(polygon: Polygon, y: number): Spans {
  const crossings: number[] = []
  for (const ring of polygon.rings) {
    const n = ring.length / 2
    for (let i = 0, j = n - 1; i < n; j = i++) {
      const y0 = ring[2 * j + 1] ?? NaN
      const y1 = ring[2 * i + 1] ?? NaN
      if (y0 <= y === y1 <= y) continue
      const x0 = ring[2 * j] ?? NaN
      crossings.push(x0 + ((y - y0) * ((ring[2 * i] ?? NaN) - x0)) / (y1 - y0))
    }
  }
  crossings.sort((a, b) => a - b)
  const spans: [number, number][] = []
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const [from, to] = [crossings[i] ?? NaN, crossings[i + 1] ?? NaN]
    if (to > from) spans.push([from, to])
  }
  return spans
}

/** Lowest and highest y of a polygon's vertices. */
export function yRangeOf(polygon: Polygon): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const ring of polygon.rings)
    for (let i = 1; i < ring.length; i += 2) {
      low = Math.min(low, ring[i] ?? NaN)
      high = Math.max(high, ring[i] ?? NaN)
    }
  return [low, high]
}

/** First column whose centre is not west of ground `x`, clipped to 0..width. */
export function columnFrom(x: number, ulx: number, pixelWidthM: number, width: number): number {
  return Math.min(width, Math.max(0, Math.ceil((x - ulx) / pixelWidthM - 0.5)))
}
