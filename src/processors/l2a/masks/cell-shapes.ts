/** Shapes on cells: one byte a cell, row-major; not 0 is inside. */

/** The size of a plane of cells. */
export interface PlaneSize {
  readonly width: number
  readonly height: number
}

/** Objects of a plane: cells that touch by edge or corner. */
export interface Objects {
  /** Number of the object of each cell, from 1; 0 outside. */
  readonly labels: Int32Array
  /** Cells of object n are `cells[starts[n - 1]]` up to, without, `cells[starts[n]]`: indices, ascending. */
  readonly starts: Int32Array
  readonly cells: Int32Array
  readonly count: number
}

/** Labels in order of each object's first cell. */
export function objectsOf(inside: Uint8Array, { width, height }: PlaneSize): Objects {
  const labels = new Int32Array(inside.length)
  const stack = new Int32Array(inside.length)
  const sizes: number[] = []
  for (let first = 0; first < inside.length; first++) {
    if (inside[first] === 0 || labels[first] !== 0) continue
    const label = sizes.length + 1
    let [top, size] = [0, 0]
    stack[top++] = first
    labels[first] = label
    while (top > 0) {
      const at = stack[--top]!
      size++
      const x = at % width
      const y = (at - x) / width
      for (let r = Math.max(0, y - 1); r <= Math.min(height - 1, y + 1); r++)
        for (let c = Math.max(0, x - 1); c <= Math.min(width - 1, x + 1); c++) {
          const next = r * width + c
          if (inside[next] === 0 || labels[next] !== 0) continue
          labels[next] = label
          stack[top++] = next
        }
    }
    sizes.push(size)
  }
  const starts = new Int32Array(sizes.length + 1)
  sizes.forEach((size, i) => (starts[i + 1] = starts[i]! + size))
  const cells = new Int32Array(starts[sizes.length] ?? 0)
  const next = starts.slice()
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (label !== 0) cells[next[label - 1]!++] = i
  }
  return { labels, starts, cells, count: sizes.length }
}

/** Cells of `within` that are connected to one of `seeds` through `within`, by edges and corners. Seeds outside of `within` do not count. */
export function grownInto(seeds: Uint8Array, within: Uint8Array, { width, height }: PlaneSize): Uint8Array {
  const grown = new Uint8Array(seeds.length)
  const stack = new Int32Array(seeds.length)
  let top = 0
  for (let i = 0; i < seeds.length; i++)
    if (seeds[i] !== 0 && within[i] !== 0) {
      grown[i] = 1
      stack[top++] = i
    }
  while (top > 0) {
    const at = stack[--top]!
    const x = at % width
    const y = (at - x) / width
    for (let r = Math.max(0, y - 1); r <= Math.min(height - 1, y + 1); r++)
      for (let c = Math.max(0, x - 1); c <= Math.min(width - 1, x + 1); c++) {
        const next = r * width + c
        if (within[next] === 0 || grown[next] !== 0) continue
        grown[next] = 1
        stack[top++] = next
      }
  }
  return grown
}

/** 1 where more than half of the valid cells of the square of `side` (odd) around a valid cell are inside: drops specks, fills holes. 0 where not valid. */
export function majority(
  inside: Uint8Array,
  isValid: Uint8Array,
  { width, height }: PlaneSize,
  side: number,
): Uint8Array {
  const half = (side - 1) / 2
  const out = new Uint8Array(inside.length)
  const [insideBelow, validBelow] = [new Int32Array(width), new Int32Array(width)]
  const addRow = (row: number, sign: number) => {
    if (row < 0 || row >= height) return
    for (let x = 0; x < width; x++) {
      const at = row * width + x
      if (isValid[at] === 0) continue
      validBelow[x]! += sign
      if (inside[at] !== 0) insideBelow[x]! += sign
    }
  }
  for (let row = 0; row < half; row++) addRow(row, 1)
  for (let y = 0; y < height; y++) {
    addRow(y + half, 1)
    addRow(y - half - 1, -1)
    let [inWindow, ofWindow] = [0, 0]
    for (let x = 0; x < Math.min(half, width); x++) {
      inWindow += insideBelow[x]!
      ofWindow += validBelow[x]!
    }
    for (let x = 0; x < width; x++) {
      if (x + half < width) {
        inWindow += insideBelow[x + half]!
        ofWindow += validBelow[x + half]!
      }
      if (x - half - 1 >= 0) {
        inWindow -= insideBelow[x - half - 1]!
        ofWindow -= validBelow[x - half - 1]!
      }
      const at = y * width + x
      out[at] = isValid[at] !== 0 && 2 * inWindow > ofWindow ? 1 : 0
    }
  }
  return out
}

/**
 * Cells whose centre lies within `radius` (cells, fractions allowed) of the centre of a cell inside, Euclidean. With radius 0 the shape itself. Exact: squared distances
 * along columns, then the least over each row (Meijster, Roerdink and Hesselink 2000), cut at the radius.
 */
export function dilated(inside: Uint8Array, { width, height }: PlaneSize, radius: number): Uint8Array {
  const reach = Math.floor(radius)
  if (reach < 1) return Uint8Array.from(inside, (v) => (v === 0 ? 0 : 1))
  const far = reach + 1
  const vertical = new Int32Array(inside.length)
  for (let x = 0; x < width; x++) {
    let since = far
    for (let y = 0; y < height; y++) {
      since = inside[y * width + x] !== 0 ? 0 : Math.min(far, since + 1)
      vertical[y * width + x] = since
    }
    since = far
    for (let y = height - 1; y >= 0; y--) {
      const at = y * width + x
      since = inside[at] !== 0 ? 0 : Math.min(far, since + 1)
      if (since < vertical[at]!) vertical[at] = since
    }
  }
  // How far a cell reaches sideways by how far inside lies above or below it.
  const sideways = Int32Array.from({ length: far + 1 }, (_, up) =>
    up > radius ? -1 : Math.floor(Math.sqrt(radius * radius - up * up)),
  )
  const out = new Uint8Array(inside.length)
  for (let y = 0; y < height; y++) {
    const row = y * width
    // Covered up to here, from the left; then the same from the right.
    let until = -1
    for (let x = 0; x < width; x++) {
      const side = sideways[vertical[row + x]!]!
      if (side >= 0) until = Math.max(until, x + side)
      if (x <= until) out[row + x] = 1
    }
    let from = width
    for (let x = width - 1; x >= 0; x--) {
      const side = sideways[vertical[row + x]!]!
      if (side >= 0) from = Math.min(from, x - side)
      if (x >= from) out[row + x] = 1
    }
  }
  return out
}
