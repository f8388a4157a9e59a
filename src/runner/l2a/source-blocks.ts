import type { Window } from '../../domain/grid.js'

interface Kept {
  readonly window: Window
  /** Pieces that still want something of it. */
  uses: number
  pixels: Promise<Uint16Array> | undefined
}

/**
 * Blocks of an image for pieces that overlap: each is decoded once, when the first piece asks for it, and forgotten after the last. Pieces that are asked for row by row hold
 * about one row of blocks.
 */
export class SourceBlocks {
  private readonly blocks: readonly Kept[]

  /** `pieces`: all that will be gathered, once each. `decode` gives a block's pixels, row-major. */
  constructor(
    blocks: readonly Window[],
    pieces: readonly Window[],
    private readonly decode: (window: Window) => Promise<Uint16Array>,
  ) {
    this.blocks = blocks.map((window) => ({
      ...{ window, pixels: undefined },
      uses: pieces.filter((piece) => meet(window, piece)).length,
    }))
  }

  /** The pixels of one piece, row-major, on shared memory. Rejects as `decode`. */
  async gather(piece: Window): Promise<Uint16Array> {
    const out = new Uint16Array(new SharedArrayBuffer(piece.width * piece.height * 2))
    const touched = this.blocks.filter(({ window }) => meet(window, piece))
    await Promise.all(
      touched.map(async (block) => {
        const { window } = block
        const pixels = await (block.pixels ??= this.decode(window))
        const [left, top] = [Math.max(window.x, piece.x), Math.max(window.y, piece.y)]
        const right = Math.min(window.x + window.width, piece.x + piece.width)
        const bottom = Math.min(window.y + window.height, piece.y + piece.height)
        for (let y = top; y < bottom; y++) {
          const at = (y - window.y) * window.width - window.x
          out.set(pixels.subarray(at + left, at + right), (y - piece.y) * piece.width + left - piece.x)
        }
        if (--block.uses === 0) block.pixels = undefined
      }),
    )
    return out
  }
}

const meet = (a: Window, b: Window): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
