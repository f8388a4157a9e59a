import { ProcessingError } from '../../domain/errors.js'
import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import type { PixelBytes } from '../../domain/l1-scene.js'
import type { AngleSource } from '../../domain/landsat.js'
import { trackDirection } from '../../domain/landsat-orbit.js'
import { openAll } from '../../raster/open-all.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'
import {
  gridsFromSamples,
  oneDetector,
  sunOf,
  viewOf,
  type AngleSample,
  type LandsatAngles,
} from './angle-samples.js'

type AngleBands = Extract<AngleSource, { kind: 'bands' }>

/** Hundredths of degrees; azimuths from -18000 to 18000. Source: Landsat 8-9 Collection 2 Level 1 DFCB, LSDS-1822. */
const PER_DEGREE = 100
/** Rows and columns that are looked at for the planes: every sensor chip is crossed often, and decoding stays cheap. */
const SAMPLE_ROWS = 24
const SAMPLE_COLUMNS = 512
/** Blocks in which rows of chips are told. */
const BLOCK = 512

/** Angles from the four angle bands of collection 2. Throws RASTER_UNREADABLE, METADATA_INVALID for angles that make no sense. */
export async function anglesFromBands(
  source: AngleBands,
  image: Grid,
  latDeg: number,
): Promise<LandsatAngles> {
  const track = trackDirection(latDeg)
  const samples = await readSamples(source, image, track)
  const grids = gridsFromSamples(samples, image, source.viewZenith)
  const [first, ...others] = grids.detectors
  return {
    ...grids,
    // Of a row whose angles are not known a crop has a few pixels at most: those of the other row are 1.1 degrees off, none would be no-data.
    openDetectors:
      first !== undefined && others.length === 0
        ? () => Promise.resolve(oneDetector(first.detector))
        : chipRowMap(source.viewAzimuth, image, track),
  }
}

async function readSamples(
  source: AngleBands,
  image: Grid,
  track: readonly [number, number],
): Promise<AngleSample[]> {
  const paths = [source.sunZenith, source.sunAzimuth, source.viewZenith, source.viewAzimuth]
  const readers = await openAll<RasterReader[]>(paths.map((path) => () => openRaster(path)))
  try {
    const samples: AngleSample[] = []
    const rows = Math.min(SAMPLE_ROWS, image.height)
    const stride = Math.max(1, Math.floor(image.width / SAMPLE_COLUMNS))
    for (let k = 0; k < rows; k++) {
      const y = Math.floor(((k + 0.5) * image.height) / rows)
      const window: Window = { x: 0, y, width: image.width, height: 1 }
      const [sunZenith, sunAzimuth, viewZenith, viewAzimuth] = await Promise.all(
        readers.map(async (reader) => {
          const pixels = new Int16Array(image.width)
          await reader.read(0, window, pixels)
          return pixels
        }),
      )
      for (let x = Math.floor(stride / 2); x < image.width; x += stride) {
        const [sz, sa] = [sunZenith?.[x] ?? 0, sunAzimuth?.[x] ?? 0]
        const [vz, va] = [viewZenith?.[x] ?? 0, viewAzimuth?.[x] ?? 0]
        // Outside of the swath all four are 0.
        if ((vz === 0 && va === 0) || (sz === 0 && sa === 0)) continue
        if (sz < 0 || sz > 18000 || vz < 0 || vz > 9000 || Math.abs(sa) > 36000 || Math.abs(va) > 36000)
          throw new ProcessingError(
            'METADATA_INVALID',
            `Angles at column ${x}, row ${y} beside '${source.viewZenith}' are sun ${sz}, ${sa}, view ${vz}, ${va} hundredths of degrees, ` +
              `which no product has. Download the product again.`,
          )
        const view = viewOf(vz / PER_DEGREE, va / PER_DEGREE)
        samples.push({
          x: (x + 0.5) * image.pixelWidthM,
          y: (y + 0.5) * image.pixelHeightM,
          sun: sunOf(sz / PER_DEGREE, sa / PER_DEGREE),
          view,
          chipRow: chipRowOf(view, track),
        })
      }
    }
    return samples
  } finally {
    for (const reader of readers) reader.close()
  }
}

/** By the side of the track's perpendicular on which the satellite stands: the two rows look 1.1 degrees apart, half to each side. */
function chipRowOf(
  [east, north]: readonly [number, number],
  [trackEast, trackNorth]: readonly [number, number],
): number {
  return east * trackEast + north * trackNorth > 0 ? 1 : 2
}

/**
 * Row of chips of each pixel, from the view azimuth: its side of the track's perpendicular. Told block by block when first asked for and kept,
 * one byte a pixel (59 MB for a scene), because all bands ask for the same. Pixels without angles get a row all the same: where a
 * band has a value there, it is corrected.
 */
function chipRowMap(path: string, image: Grid, track: readonly [number, number]): () => Promise<PixelBytes> {
  const { width } = image
  const known = new Uint8Array(width * image.height)
  const across = Math.ceil(width / BLOCK)
  const blocks = blocksOf(image, BLOCK)
  const telling = new Map<number, Promise<void>>()
  /** By azimuth in hundredths of degrees, from -36000 on. */
  const rowOf = Uint8Array.from({ length: 72001 }, (_, i) =>
    chipRowOf(viewOf(45, (i - 36000) / PER_DEGREE), track),
  )
  let users = 0
  let reader: Promise<RasterReader> | null = null
  const tell = async (block: Window): Promise<void> => {
    const azimuth = new Int16Array(block.width * block.height)
    await (await (reader ??= openRaster(path))).read(0, block, azimuth)
    for (let j = 0; j < block.height; j++)
      for (let i = 0; i < block.width; i++)
        known[(block.y + j) * width + block.x + i] = rowOf[(azimuth[j * block.width + i] ?? 0) + 36000] ?? 1
  }
  const opened: PixelBytes = {
    async read(window, out) {
      const wanted: Promise<void>[] = []
      for (let by = Math.floor(window.y / BLOCK); by * BLOCK < window.y + window.height; by++)
        for (let bx = Math.floor(window.x / BLOCK); bx * BLOCK < window.x + window.width; bx++) {
          const index = by * across + bx
          const block = blocks[index]
          if (block === undefined) continue
          const told = telling.get(index) ?? tell(block)
          telling.set(index, told)
          wanted.push(told)
        }
      await Promise.all(wanted)
      for (let j = 0; j < window.height; j++) {
        const from = (window.y + j) * width + window.x
        out.set(known.subarray(from, from + window.width), j * window.width)
      }
    },
    close: () => {
      if (--users > 0 || reader === null) return
      // Who asked for it was told where it could not be opened.
      void reader.then(
        (open) => {
          open.close()
        },
        () => undefined,
      )
      reader = null
    },
  }
  return () => {
    users++
    return Promise.resolve(opened)
  }
}
