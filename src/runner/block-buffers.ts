type Pixels = Int16Array | Uint16Array | Uint8Array

/** More idle pieces than a step has blocks in flight are of sizes that do not come again. */
const MOST_IDLE = 64

/**
 * Shared memory of blocks, used again. Each new SharedArrayBuffer brings V8 nearer to its next full collection, of which a tile's six gigabytes of them bring hundreds, and costs the
 * system a fault for each of its pages.
 */
export class BlockBuffers {
  /** By size, ascending. */
  private readonly idle: SharedArrayBuffer[] = []

  /** `length` numbers with anything in them: whoever takes them fills them all. */
  take<T extends Pixels>(
    Type: (new (buffer: SharedArrayBuffer, start: number, length: number) => T) & {
      readonly BYTES_PER_ELEMENT: number
    },
    length: number,
  ): T {
    const bytes = length * Type.BYTES_PER_ELEMENT
    // Much larger ones are kept for those that need them.
    const at = this.idle.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes)
    const [buffer = new SharedArrayBuffer(bytes)] = at < 0 ? [] : this.idle.splice(at, 1)
    return new Type(buffer, 0, length)
  }

  /** When nobody looks at them any more; null is none. Without it they are the collector's. */
  give(...arrays: readonly (Pixels | null)[]): void {
    for (const array of arrays) {
      const buffer = array?.buffer
      if (!(buffer instanceof SharedArrayBuffer) || this.idle.includes(buffer)) continue
      const behind = this.idle.findIndex(({ byteLength }) => byteLength > buffer.byteLength)
      this.idle.splice(behind < 0 ? this.idle.length : behind, 0, buffer)
      if (this.idle.length > MOST_IDLE) this.idle.shift()
    }
  }
}
