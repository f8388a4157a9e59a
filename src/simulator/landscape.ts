import { fractal, hash, valueNoise } from './noise.js'
import { BASE_YEAR, GROUND, VARIANTS, type Ground } from './spectra.js'
import type { SnowCover } from './snow.js'

/** A rectangle of ground: upper-left corner and pixel size in metres; `northing` counts from the equator. */
export interface GroundWindow {
  readonly easting: number
  readonly northing: number
  readonly pixelM: number
  readonly width: number
  readonly height: number
}

/** What stands there, row-major: kind * VARIANTS + variant; texture in 1/4096 of the reflectance; metres above the sea. */
export interface Ground2d {
  readonly kinds: Uint16Array
  readonly texture: Int16Array
  readonly altitudeM: Float32Array
  /** Share of the ground that snow hides, 0..255; null where there is none anywhere. */
  readonly snow: Uint8Array | null
}

/** A field: its crop (kind * VARIANTS + variant) and its corners in landscape metres, upper edge first; a strip of 9 m along its first side is road or hedge. */
export interface Parcel {
  readonly id: string
  readonly kind: number
  /** Metres along and across, from the corner, and the direction of the block: x = u c - v s, y = u s + v c. */
  readonly u: readonly [number, number]
  readonly v: readonly [number, number]
  readonly direction: { readonly c: number; readonly s: number }
}

const id = (kind: Ground) => GROUND.indexOf(kind) * VARIANTS
const [RIVER, LAKE, BROADLEAF, CONIFER, GRASS] = [
  id('river'),
  id('lake'),
  id('broadleaf forest'),
  id('conifer forest'),
  id('grassland'),
]
const [SETTLEMENT, ROAD, ROCK, HEDGE] = [id('settlement'), id('road'), id('rock'), id('hedge')]
/** How often each crop is sown: one of these for every parcel. */
const CROPS = [
  'winter wheat',
  'maize',
  'winter wheat',
  'sunflower',
  'grassland',
  'rapeseed',
  'winter wheat',
  'maize',
  'bare soil',
  'grassland',
  'orchard',
  'sunflower',
].map((kind) => GROUND.findIndex((g) => g === kind) * VARIANTS)
/** Those that are sown anew every year; the others stay. */
const ARABLE = CROPS.filter((kind) => !['grassland', 'orchard'].includes(GROUND[kind / VARIANTS] ?? ''))
/** Width of the road or hedge along a parcel's first side. */
export const VERGE_M = 9

/** Peak to peak parts of the texture, 1/4096: roofs and crowns differ more from pixel to pixel than a field or water. */
const ROUGHNESS = GROUND.map(
  (g) =>
    ({
      settlement: 2600,
      'broadleaf forest': 900,
      'conifer forest': 900,
      hedge: 900,
      rock: 1100,
      river: 500,
      lake: 500,
    })[g as string] ?? 560,
)

const SNOW = GROUND.indexOf('snow')
/** Number in GROUND of what one sees at a pixel: snow where it hides more than half. */
export const kindSeen = (ground: Ground2d, k: number): number =>
  (ground.snow?.[k] ?? 0) > 127 ? SNOW : Math.floor((ground.kinds[k] ?? 0) / VARIANTS)

class CellPoints {
  column = NaN
  row = NaN
  readonly x = new Float64Array(9)
  readonly y = new Float64Array(9)
  readonly h = new Uint32Array(9)
}

/**
 * The landscape of one seed: ridges and valleys, rivers at the bottom of the valleys, lakes, forests on slopes, parcels in blocks of their own
 * direction, settlements with roads. A pure function of seed and position: neighbouring windows and tiles of one UTM zone continue each other.
 */
export class Landscape {
  private readonly towns = new CellPoints()
  private readonly blocks = new CellPoints()
  /** @param year of the crops: arable parcels change theirs every year. */
  constructor(
    private readonly seed: number,
    private readonly year = BASE_YEAR,
    private readonly snowCover: SnowCover | null = null,
  ) {}

  /** Smooth things, on nodes `step` metres apart. */
  private nodes(window: GroundWindow, step: number) {
    const west = Math.floor(window.easting / step) - 1
    const north = Math.ceil(window.northing / step) + 1
    const cols = Math.ceil((window.width * window.pixelM) / step) + 4
    const rows = Math.ceil((window.height * window.pixelM) / step) + 4
    const size = cols * rows
    const [altitude, river, width] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)]
    const [lake, forest, town, patch] = [
      new Float32Array(size),
      new Float32Array(size),
      new Float32Array(size),
      new Float32Array(size),
    ]
    const block = new Int32Array(size)
    const s = this.seed
    const thalweg = (x: number, y: number) => {
      const bend =
        2500 * valueNoise(x / 9000, y / 9000, s + 11) + 700 * valueNoise(x / 2600, y / 2600, s + 12)
      return fractal((x + bend) / 30000, (y - bend) / 30000, s + 13, 3)
    }
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) {
        const i = row * cols + col
        const x = (west + col) * step
        const y = (north - row) * step
        const n = thalweg(x, y)
        // Distance from the river in metres, by the field over its slope; far away it only has to be large.
        const slope = Math.hypot(thalweg(x + 90, y) - n, thalweg(x, y + 90) - n) / 90
        river[i] = Math.min(9000, Math.abs(n) / Math.max(slope, 4e-6))
        const side = Math.min(1, Math.abs(n) / 0.4)
        const mountains = Math.max(0, 0.35 + valueNoise(x / 70000, y / 70000, s + 21))
        const rough = fractal(x / 7000, y / 7000, s + 22, step > 100 ? 4 : 6)
        const plain = 90 + 60 * (valueNoise(x / 50000, y / 50000, s + 23) + 1)
        altitude[i] = Math.max(
          2,
          plain + side ** 1.4 * (120 + 750 * mountains + (50 + 330 * mountains) * rough),
        )
        width[i] = 45 + 70 * (valueNoise(x / 22000, y / 22000, s + 31) + 1)
        lake[i] = fractal(x / 6500, y / 6500, s + 41, 3) - 0.25 * side
        forest[i] = fractal(x / 4200, y / 4200, s + 51, 5) + 0.75 * side * (0.25 + mountains) - 0.25
        patch[i] = fractal(x / 500, y / 500, s + 61, 2)
        ;[town[i], block[i]] = this.townAndBlock(x, y)
      }
    return { west, north, cols, altitude, river, width, lake, forest, town, patch, block }
  }

  /** Nearness to a settlement (above 0 is inside) and the block of parcels that a place belongs to. */
  private townAndBlock(x: number, y: number): [number, number] {
    const towns = this.around(this.towns, x, y, 6500, 71)
    let town = -1
    for (let n = 0; n < 9; n++) {
      const [cx, cy, h] = [towns.x[n] ?? 0, towns.y[n] ?? 0, towns.h[n] ?? 0]
      const radius = 180 + 1100 * ((h >>> 20) / 4096) ** 3 + ((h >>> 9) % 23 === 0 ? 2200 : 0)
      town = Math.max(town, 1 - Math.sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)) / radius)
    }
    if (town > -0.9) town += 0.35 * valueNoise(x / 350, y / 350, this.seed + 72)
    const centres = this.around(this.blocks, x, y, BLOCK_M, BLOCK_SALT)
    let [best, block] = [Infinity, 0]
    for (let n = 0; n < 9; n++) {
      const [dx, dy] = [x - (centres.x[n] ?? 0), y - (centres.y[n] ?? 0)]
      const d = dx * dx + dy * dy
      if (d < best) [best, block] = [d, (centres.h[n] ?? 0) & 0x7fffffff]
    }
    return [town, block]
  }

  /** One hashed point in each of the nine cells around a place; kept while the place stays in its cell. */
  private around(points: CellPoints, x: number, y: number, cellM: number, salt: number): CellPoints {
    const [column, row] = [Math.floor(x / cellM), Math.floor(y / cellM)]
    if (points.column === column && points.row === row) return points
    points.column = column
    points.row = row
    for (let n = 0; n < 9; n++) {
      const [c, r] = [column + (n % 3) - 1, row + Math.floor(n / 3) - 1]
      const h = hash(c, r, this.seed + salt)
      points.h[n] = h
      ;[points.x[n], points.y[n]] = pointInCell(c, r, h, cellM)
    }
    return points
  }

  fill(window: GroundWindow): Ground2d {
    const { pixelM, width, height } = window
    const step = Math.max(60, pixelM)
    const nodes = this.nodes(window, step)
    const size = width * height
    const ground: Ground2d = {
      kinds: new Uint16Array(size),
      texture: new Int16Array(size),
      altitudeM: new Float32Array(size),
      snow: this.snowCover === null ? null : new Uint8Array(size),
    }
    const { cols } = nodes
    const [column, share] = [new Int32Array(width), new Float32Array(width)]
    for (let i = 0; i < width; i++) {
      const at = (window.easting + (i + 0.5) * pixelM) / step - nodes.west
      column[i] = Math.floor(at)
      share[i] = at - Math.floor(at)
    }
    for (let row = 0; row < height; row++) {
      const y = window.northing - (row + 0.5) * pixelM
      const down = nodes.north - y / step
      const base = Math.floor(down) * cols
      const v = down - Math.floor(down)
      for (let i = 0; i < width; i++) {
        const k = base + (column[i] ?? 0)
        const u = share[i] ?? 0
        const [w00, w10, w01, w11] = [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v]
        const at = (f: Float32Array) =>
          (f[k] ?? 0) * w00 + (f[k + 1] ?? 0) * w10 + (f[k + cols] ?? 0) * w01 + (f[k + cols + 1] ?? 0) * w11
        const x = window.easting + (i + 0.5) * pixelM
        const h = hash(Math.floor(x / pixelM), Math.floor(y / pixelM), this.seed)
        const altitude = at(nodes.altitude)
        const block = nodes.block[k + (u > 0.5 ? 1 : 0) + (v > 0.5 ? cols : 0)] ?? 0
        const kind = this.kindAt(
          x,
          y,
          altitude,
          at(nodes.river),
          at(nodes.width),
          at(nodes.lake),
          at(nodes.forest),
          at(nodes.town),
          block,
          pixelM,
          h,
        )
        const n = row * width + i
        ground.kinds[n] = kind
        ground.altitudeM[n] = altitude
        // Two hashed terms make a tent instead of a box; `patch` gives fields their inner unevenness.
        const white = ((h & 0xffff) + (h >>> 16)) / 65535 - 1
        if (ground.snow && this.snowCover)
          ground.snow[n] = this.snowCover.shareAt(x, y, altitude, Math.floor(kind / VARIANTS))
        ground.texture[n] = white * (ROUGHNESS[Math.floor(kind / VARIANTS)] ?? 0) + 260 * at(nodes.patch)
      }
    }
    return ground
  }

  private kindAt(
    x: number,
    y: number,
    altitude: number,
    river: number,
    width: number,
    lake: number,
    forest: number,
    town: number,
    block: number,
    pixelM: number,
    h: number,
  ): number {
    if (lake > 0.62) return LAKE + (block & 3)
    if (river < Math.max(width, 0.6 * pixelM)) return RIVER + (block & 3)
    if (town > 0) return (h >>> 8) % 100 < 22 + 20 * (1 - town) ? GRASS + (h & 15) : SETTLEMENT + (h & 15)
    if (altitude > 1150 + (block & 127)) return forest > 0.5 ? CONIFER : ROCK + (h & 7)
    if (forest > 0.22) return (altitude > 650 ? CONIFER : BROADLEAF) + (block & 15)
    return this.parcel(x, y, block, pixelM)
  }

  private parcel(x: number, y: number, block: number, pixelM: number): number {
    const { c, s, wide, long } = blockFrame(block)
    const u = (x * c + y * s) / wide
    const column = Math.floor(u)
    const v = (y * c - x * s) / long + (hash(column, block, 7) & 255) / 256
    const row = Math.floor(v)
    const edge = (u - column) * wide
    if (edge < VERGE_M && pixelM <= 30) return (block & 1) === 0 ? ROAD : HEDGE
    return this.cropOf(hash(column, row, block))
  }

  /** Kind of a parcel by its hash; what is sown anew moves on in the list of crops year by year. */
  private cropOf(cell: number): number {
    const place = cell % CROPS.length
    const sown = CROPS[place] ?? GRASS
    const variant = (cell >>> 8) & 15
    const turn = this.year - BASE_YEAR
    const at = ARABLE.indexOf(sown)
    if (turn === 0 || at < 0) return sown + variant
    const next = (((at + (place % 3) + turn) % ARABLE.length) + ARABLE.length) % ARABLE.length
    return (ARABLE[next] ?? sown) + variant
  }

  /** Parcels of the blocks whose centres lie in a window, also those that forest, water or another block hides. */
  *parcels(window: GroundWindow): Generator<Parcel> {
    const [west, north] = [Math.floor(window.easting / BLOCK_M), Math.ceil(window.northing / BLOCK_M)]
    const [cols, rows] = [window.width, window.height].map(
      (n) => Math.ceil((n * window.pixelM) / BLOCK_M) + 1,
    )
    for (let i = 0; i < (cols ?? 0); i++)
      for (let j = 0; j < (rows ?? 0); j++) {
        const [cellX, cellY] = [west + i, north - j]
        const h = hash(cellX, cellY, this.seed + BLOCK_SALT)
        const [cx, cy] = pointInCell(cellX, cellY, h, BLOCK_M)
        const block = h & 0x7fffffff
        const { c, s, wide, long } = blockFrame(block)
        const [u0, v0] = [cx * c + cy * s, cy * c - cx * s]
        for (let column = Math.floor((u0 - BLOCK_M) / wide); column * wide < u0 + BLOCK_M; column++) {
          const shift = (hash(column, block, 7) & 255) / 256
          for (
            let row = Math.floor((v0 - BLOCK_M) / long + shift);
            (row - shift) * long < v0 + BLOCK_M;
            row++
          )
            yield {
              id: `${block.toString(16)}-${column}-${row}`,
              kind: this.cropOf(hash(column, row, block)),
              u: [column * wide, (column + 1) * wide],
              v: [(row - shift) * long, (row + 1 - shift) * long],
              direction: { c, s },
            }
        }
      }
  }
}

const BLOCK_M = 2300
const BLOCK_SALT = 81

/** The hashed point of a cell of a lattice. */
const pointInCell = (column: number, row: number, h: number, cellM: number): [number, number] => [
  (column + 0.1 + (0.8 * (h & 1023)) / 1023) * cellM,
  (row + 0.1 + (0.8 * ((h >>> 10) & 1023)) / 1023) * cellM,
]

/** Direction and size of the parcels of a block. */
function blockFrame(block: number) {
  const angle = ((block & 255) / 255) * Math.PI
  const wide = 110 + 2 * ((block >>> 8) & 127)
  return { c: Math.cos(angle), s: Math.sin(angle), wide, long: wide * (1.2 + ((block >>> 15) & 63) / 32) }
}
