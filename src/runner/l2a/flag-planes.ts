import type { Window } from '../../domain/grid.js'

/** Bits of a plane: what all bands of one pixel size say together. */
export const PLANE_FLAG = { noDataSome: 1, saturatedVisible: 2 } as const

interface Plane {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/**
 * Collects the flags of all bands while their blocks stream by, one byte a pixel and plane; bands of one size share a plane.
 * All bands of a product cover the same ground, so a pixel of a finer plane finds its coarser one by proportion.
 * Memory: 1 byte x (120.6 + 30.1 + 3.3) million pixels for a full tile.
 */
export class FlagPlanes {
  private readonly planes = new Map<string, Plane>()

  /** Adds the flags of one block of a band of `width` x `height` pixels. `lookup[flags]` is what enters the plane. */
  add(width: number, height: number, window: Window, flags: Uint8Array, lookup: Uint8Array): void {
    const key = `${width}x${height}`
    let plane = this.planes.get(key)
    if (plane === undefined) this.planes.set(key, (plane = { width, height, data: new Uint8Array(width * height) }))
    const { data } = plane
    for (let row = 0; row < window.height; row++) {
      const from = row * window.width
      const to = (window.y + row) * width + window.x
      for (let i = 0; i < window.width; i++) {
        const flag = flags[from + i] ?? 0
        if (flag !== 0) data[to + i] = (data[to + i] ?? 0) | (lookup[flag] ?? 0)
      }
    }
  }

  /**
   * The flags of all planes together on a window of a grid of `width` x `height` pixels over the same ground.
   * A coarser target takes a flag that any of the finer pixels under it has.
   */
  read(width: number, height: number, window: Window, out: Uint8Array): void {
    out.fill(0, 0, window.width * window.height)
    for (const plane of this.planes.values()) {
      if (plane.width > width) readCoarser(plane, width, height, window, out)
      else readFiner(plane, width, height, window, out)
    }
  }
}

function readFiner(plane: Plane, width: number, height: number, window: Window, out: Uint8Array): void {
  const columns = new Int32Array(window.width)
  for (let i = 0; i < window.width; i++) columns[i] = Math.floor(((window.x + i + 0.5) * plane.width) / width)
  for (let row = 0; row < window.height; row++) {
    const base = Math.floor(((window.y + row + 0.5) * plane.height) / height) * plane.width
    const to = row * window.width
    for (let i = 0; i < window.width; i++) {
      const flag = plane.data[base + (columns[i] ?? 0)] ?? 0
      if (flag !== 0) out[to + i] = (out[to + i] ?? 0) | flag
    }
  }
}

function readCoarser(plane: Plane, width: number, height: number, window: Window, out: Uint8Array): void {
  const edge = (i: number, n: number, m: number) => Math.floor((i * m) / n)
  for (let row = 0; row < window.height; row++) {
    const y0 = edge(window.y + row, height, plane.height)
    const y1 = Math.max(y0 + 1, edge(window.y + row + 1, height, plane.height))
    for (let i = 0; i < window.width; i++) {
      const x0 = edge(window.x + i, width, plane.width)
      const x1 = Math.max(x0 + 1, edge(window.x + i + 1, width, plane.width))
      let flag = 0
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) flag |= plane.data[y * plane.width + x] ?? 0
      out[row * window.width + i] = (out[row * window.width + i] ?? 0) | flag
    }
  }
}
