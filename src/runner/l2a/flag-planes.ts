import type { Window } from '../../domain/grid.js'

/** Bits of a flag plane: what the bands of one pixel size say together. */
export const PLANE_BITS = { noDataSome: 1, saturatedVisible: 2, grazing: 4 } as const

/** One byte a pixel; rows x columns over the whole ground of the product. */
export interface FlagPlane {
  readonly rows: number
  readonly columns: number
  readonly bytes: Uint8Array
}

/**
 * Collects the flags of all bands while their blocks stream by; bands of one size share a plane. On shared memory, because
 * kernels in other threads read them at the end. Memory: 1 byte x (120.6 + 30.1 + 3.3) million pixels for a full tile.
 */
export class FlagPlanes {
  private readonly planes = new Map<string, FlagPlane>()

  /** Adds the flags of one block of a band of `columns` x `rows` pixels. `lookup[byte]` is what a byte of `flags` adds to the plane. */
  add(columns: number, rows: number, window: Window, flags: Uint8Array, lookup: Uint8Array): void {
    const key = `${columns}x${rows}`
    let plane = this.planes.get(key)
    if (plane === undefined) {
      plane = { rows, columns, bytes: new Uint8Array(new SharedArrayBuffer(rows * columns)) }
      this.planes.set(key, plane)
    }
    const { bytes } = plane
    for (let row = 0; row < window.height; row++) {
      const from = row * window.width
      const to = (window.y + row) * columns + window.x
      for (let i = 0; i < window.width; i++) {
        const flag = flags[from + i] ?? 0
        if (flag !== 0) bytes[to + i] = (bytes[to + i] ?? 0) | (lookup[flag] ?? 0)
      }
    }
  }

  /** All planes, finest first. */
  all(): FlagPlane[] {
    return [...this.planes.values()].sort((a, b) => b.columns - a.columns)
  }
}
