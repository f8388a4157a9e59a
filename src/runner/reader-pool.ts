import type { Window } from '../domain/grid.js'
import { openRaster, type PixelArray, type RasterReader } from '../raster/open-raster.js'

/**
 * Open files for reads that overlap: a reader decodes one block at a time, so each read takes an idle reader of its file or opens one. At
 * most `mostIdle` readers stay open between reads, the ones used last: the files of any number of dates never lie open together.
 */
export class ReaderPool {
  /** In the order in which they were given back. */
  private idle: RasterReader[] = []

  constructor(private readonly mostIdle: number) {}

  /** Fills `out` with a window of the first band of a file. Rejects with RASTER_UNREADABLE, which names file and block. */
  async read(path: string, window: Window, out: PixelArray): Promise<void> {
    const at = this.idle.findLastIndex((reader) => reader.path === path)
    const [reader = await openRaster(path)] = at < 0 ? [] : this.idle.splice(at, 1)
    try {
      await reader.read(0, window, out)
    } finally {
      this.idle.push(reader)
      while (this.idle.length > this.mostIdle) this.idle.shift()?.close()
    }
  }

  /** When no read is under way any more. */
  close(): void {
    for (const reader of this.idle.splice(0)) reader.close()
  }
}
