import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { cellsOfImage } from '../../processors/l2a/cells.js'
import { maskOfSceneByte } from '../../processors/l2a/scene-mask.js'
import { productGrids } from './product-grids.js'

const bits = (...names: (keyof typeof MASK_BITS)[]) =>
  names.reduce((all, name) => all | (1 << MASK_BITS[name]), 0)
/** A pixel with one of these says nothing of the ground. Cirrus alone does not count: its test fires on bright ground under dry air. */
const UNCLEAR = bits('cloudOrShadow', 'snow', 'saturatedVisible', 'noData')

/** Collects which cells are clear: by the pixel of MASK.tif below the centre of each. */
export class ClearCells {
  /** 1 for a clear cell, else 0; row-major. Cells whose centre lies beyond the image are not clear. */
  readonly isClear: Uint8Array
  private readonly layout: ReturnType<typeof cellsOfImage>

  /** `image`: the grid of MASK.tif. */
  constructor(
    private readonly cells: Grid,
    image: Grid,
  ) {
    this.isClear = new Uint8Array(cells.width * cells.height)
    this.layout = cellsOfImage(cells, image)
  }

  /** One block of the mask, row-major, or of bytes that `bitsOf` turns into bits of it. */
  add(window: Window, mask: Uint16Array | Uint8Array, bitsOf?: ArrayLike<number>): void {
    const { side, left, above } = this.layout
    const centre = (cell: number, first: number) => cell * side + Math.floor(side / 2) - first
    const firstFrom = (from: number, first: number) =>
      Math.max(0, Math.ceil((from + first - Math.floor(side / 2)) / side))
    for (let row = firstFrom(window.y, above); row < this.cells.height; row++) {
      const y = centre(row, above) - window.y
      if (y >= window.height) break
      for (let column = firstFrom(window.x, left); column < this.cells.width; column++) {
        const x = centre(column, left) - window.x
        if (x >= window.width) break
        const found = mask[y * window.width + x] ?? 0
        if (((bitsOf === undefined ? found : (bitsOf[found] ?? 0)) & UNCLEAR) === 0)
          this.isClear[row * this.cells.width + column] = 1
      }
    }
  }
}

const SCENE_BITS = maskOfSceneByte()

/** 1 for each cell of which the product's own mask says at its centre neither cloud, shadow, snow, saturation nor no-data; all cells where it has none. */
export async function clearByOwnMask(
  scene: L1Scene,
  cells: Grid,
  { blockSize, signal }: { readonly blockSize: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { scene: grid } = productGrids(scene)
  const own = await scene.openMask(grid)
  if (own === null) return new Uint8Array(cells.width * cells.height).fill(1)
  const clear = new ClearCells(cells, grid)
  try {
    for (const block of blocksOf(grid, blockSize)) {
      signal.throwIfAborted()
      const bytes = new Uint8Array(block.width * block.height)
      await own.read(block, bytes)
      clear.add(block, bytes, SCENE_BITS)
    }
  } finally {
    own.close()
  }
  return clear.isClear
}
