/** What a correction takes of memory. Pure: a step declares it before its scene is opened, and the scene's own numbers plan its threads and blocks. */

/** What the memory of a correction depends on. */
export interface MemoryLoad {
  /** Millions of pixels of all bands. */
  readonly megapixels: number
  /** Millions of the cells on which masks are decided. */
  readonly maskMegacells: number
  /** Bands that are held on these cells. */
  readonly maskBands: number
  /** Layers besides `sre`. */
  readonly layers: number
  readonly hasDem: boolean
  readonly isUncertain: boolean
  readonly hasAdjacency: boolean
  /** Millions of pixels of the finest image where it is laid on a reference, else 0. */
  readonly coregisteredMegapixels: number
  /** Of the image from which a band is resampled, where bands lie on another grid, else 0. */
  readonly resampled: { readonly width: number; readonly megapixels: number }
}

/** How a correction is run: neither changes a pixel. */
export interface WorkShape {
  /** At least 1. */
  readonly threads: number
  /** Edge of a block, pixels: a multiple of 512. */
  readonly blockSize: number
}

/** Program, libraries, tables of the atmosphere, V8's heap. */
const PROGRAM_MB = 230
/** Reflectance, detector and saturation of one band on one cell. */
const CELL_BYTES = 9
/**
 * Planes on which masks and air are decided, slopes and planes of flags of large images, and what the collector has not taken back of them. Up to the cells of a Sentinel-2 tile they find room in what the other terms allow; of a whole Landsat scene,
 * 15.4 million cells, there were 2 GiB more than these (4389 MiB at the peak).
 */
const CELL_WORK = { tileMegacells: 3.35, bytes: 175 }
/** What has streamed through and is not given back yet: buffers that wait for the collector, GDAL's cache of 64 MiB, arenas of the allocator. It grows with the image up to a bound. */
const STREAMED = { mbPerMegapixel: 9, mostMb: 380 }
/** Planes of flags on all pixel sizes. */
const FLAGS_MB_PER_MEGAPIXEL = 0.3
/** Heights and slopes of 20 m or the finest pixels, the warp that makes them, shadows: grows with the image up to those of a tile of 10 m. */
const DEM = { mb: 100, mbPerMegapixel: 8, mostMb: 265 }
/** Tables of the other aerosols, and a byte for each slope. */
const UNCERTAINTY = { mb: 60, mbPerMegapixel: 0.05 }
/** Reflectance of all bands on cells and what is around, for the uncertainty too. */
const ADJACENCY = { mb: 90, mbPerMegapixel: 0.15 }
/** A thread of the pool with its V8, and a decoder with the tile that it decodes. */
const THREAD_MB = 70
/** A block in flight: numbers, detectors and packed bytes, or unpacked again with reflectance, flags and encoded tiles; each further layer with its encoded tiles. */
const BLOCK_BYTES = { base: 20, layer: 8 }
/** Of the finest pixels while shifts are looked for: near infrared, reference and windows. */
const COREGISTER_MB_PER_MEGAPIXEL = 8
/** Two bands that are resampled at once: each holds the blocks of two rows of its image, across zones its rows are crossed aslant, and its pieces until the collector comes. */
const RESAMPLED = { bands: 2, rows: 2, blockRows: 1024, pixelBytes: 2 }
/** The measured scenes stay within the sum of these terms and a tenth. */
const MARGIN = 1.1

function resampledMb({ width, megapixels }: MemoryLoad['resampled']): number {
  const { bands, rows, blockRows, pixelBytes } = RESAMPLED
  return (bands * pixelBytes * (rows * blockRows * width + 1e6 * megapixels)) / 2 ** 20
}

/** Peak of resident memory of a correction that runs so, MiB, on the safe side. Pure. */
export function memoryNeededMb(load: MemoryLoad, { threads, blockSize }: WorkShape): number {
  const { megapixels, maskMegacells, maskBands, layers } = load
  const perMegapixel = (is: boolean, of: { mb: number; mbPerMegapixel: number }) =>
    is ? of.mb + of.mbPerMegapixel * megapixels : 0
  const block = (blockSize ** 2 * (BLOCK_BYTES.base + BLOCK_BYTES.layer * layers)) / 2 ** 20
  const sum =
    PROGRAM_MB +
    (maskMegacells * 1e6 * maskBands * CELL_BYTES) / 2 ** 20 +
    (Math.max(0, maskMegacells - CELL_WORK.tileMegacells) * 1e6 * CELL_WORK.bytes) / 2 ** 20 +
    Math.min(STREAMED.mostMb, STREAMED.mbPerMegapixel * megapixels) +
    FLAGS_MB_PER_MEGAPIXEL * megapixels +
    Math.min(DEM.mostMb, perMegapixel(load.hasDem, DEM)) +
    perMegapixel(load.isUncertain, UNCERTAINTY) +
    perMegapixel(load.hasAdjacency || load.isUncertain, ADJACENCY) +
    COREGISTER_MB_PER_MEGAPIXEL * load.coregisteredMegapixels +
    resampledMb(load.resampled) +
    THREAD_MB * threads +
    // One block more than threads waits for its turn.
    block * (threads + 1)
  return Math.ceil(MARGIN * sum)
}

/** Blocks of a step, pixels along an edge. */
const STEP_BLOCK = 1024
/** Cells of 60 m or more over a tile of Sentinel-2, 109.8 km wide. */
const MOST_CELLS_OF_TILE = 1830 ** 2
/** Bands that masks look at. */
const MASK_BANDS = 7

export interface DeclaredScene extends Pick<
  MemoryLoad,
  'layers' | 'hasDem' | 'isUncertain' | 'hasAdjacency'
> {
  /** Of all bands. */
  readonly pixels: number
  readonly bands: number
  readonly isCoregistered: boolean
}

/**
 * The same for a scene of which only the numbers of pixels and bands are known, MiB. Sentinel-2 has 13 bands, 5.6 times the pixels of the finest ones, and masks on cells of two pixels or more; Landsat has all bands on one grid, and masks on cells of two
 * pixels.
 */
export function memoryDeclaredMb(scene: DeclaredScene, threads: number): number {
  const { pixels, bands, isCoregistered, ...load } = scene
  const isSentinel2 = bands > 9
  const finest = pixels / (isSentinel2 ? 4 + 6 / 4 + 3 / 36 : Math.max(1, bands))
  const cells = finest / 4
  return memoryNeededMb(
    {
      ...{ ...load, megapixels: pixels / 1e6, maskBands: MASK_BANDS },
      maskMegacells: (isSentinel2 ? Math.min(cells, MOST_CELLS_OF_TILE) : cells) / 1e6,
      coregisteredMegapixels: isCoregistered ? finest / 1e6 : 0,
      // A step makes a scene on its own grid.
      resampled: { width: 0, megapixels: 0 },
    },
    { threads, blockSize: STEP_BLOCK },
  )
}
