import { ProcessingError } from './errors.js'
import { fromUtm, toUtm, utmEpsg } from './utm.js'

/** Latitude bands of 8 degrees from 80 S; X has 12 degrees, to 84 N. */
export const LATITUDE_BANDS = 'CDEFGHJKLMNPQRSTUVWX'
/** Row letters repeat after 2,000 km; I and O are left out as in all letters of MGRS. */
const ROW_LETTERS = 'ABCDEFGHJKLMNPQRSTUV'
const COLUMN_LETTERS = ['STUVWXYZ', 'ABCDEFGH', 'JKLMNPQR']
const SQUARE_M = 100_000
/** Rows of 100 km from the equator that ESA's grid covers: 83.8 S to 84.6 N. */
const FIRST_ROW = -93
const LAST_ROW = 93
/** Tiles of ESA's grid that the rule of `isInGrid` does not give, and names that it gives but the grid lacks. */
const EXTRA = new Set(
  '31VEC 31VED 31VEE 31VEF 31VEG 31VEH 31VEJ 31VEK 31VEL 31VFC 31VFL 31WGV 33WUV 33WYV 35WLV 35WQV 37WCV'.split(
    ' ',
  ),
)
const ABSENT = new Set('32VJH 32VJJ 32VJK 32VKH 32WME 34WDE 36WVE'.split(' '))

/** Edge of a Sentinel-2 tile in metres: its MGRS square of 100 km and about 5 km on the right and below. */
export const TILE_SIZE_M = 109_800

/** The square of a Sentinel-2 tile on the ground, metres of `epsg`; the upper-left corner is (xmin, ymax). */
export interface TileSquare {
  readonly tile: string
  readonly epsg: number
  readonly zone: number
  readonly isSouth: boolean
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

/**
 * Western and eastern edge of a zone in a latitude band, degrees. Norway (band V: 32 reaches west to 3 E) and Svalbard
 * (band X: 31, 33, 35, 37 share what 32, 34, 36 lose) differ from the rule; null where a zone does not exist in a band.
 * Source: DMA TM 8358.1, chapter 3.
 */
export function zoneLongitudes(zone: number, band: string): readonly [number, number] | null {
  const west = zone * 6 - 186
  if (band === 'V' && zone === 31) return [0, 3]
  if (band === 'V' && zone === 32) return [3, 12]
  if (band === 'X') {
    if (zone === 32 || zone === 34 || zone === 36) return null
    if (zone === 31) return [0, 9]
    if (zone === 33) return [9, 21]
    if (zone === 35) return [21, 33]
    if (zone === 37) return [33, 42]
  }
  return [west, west + 6]
}

/** Letter of the column whose left edge is `easting` (100,000 to 800,000 m). */
export function columnLetter(zone: number, easting: number): string | undefined {
  return COLUMN_LETTERS[zone % 3]?.[easting / SQUARE_M - 1]
}

/** Letter of the row whose lower edge lies `northing` metres from the equator (negative in the south). Even zones start at F. */
export function rowLetter(zone: number, northing: number): string {
  const row = northing / SQUARE_M + (zone % 2 === 0 ? 5 : 0)
  return ROW_LETTERS.charAt(((row % 20) + 20) % 20)
}

/**
 * The square of a tile name such as `31TCJ` (a leading T, as in product names, and a missing zero are accepted).
 * The MGRS square is enlarged as the contracts say: left edge down and upper edge up to a multiple of 60 m, northing counted
 * from the equator, then 109.8 km right and down. Throws TILE_UNKNOWN where ESA's grid has no such tile.
 */
export function tileSquare(name: string): TileSquare {
  const parts = /^T?(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])$/.exec(name.trim().toUpperCase())
  const [, zoneText, band, column, row] = parts ?? []
  const zone = Number(zoneText)
  if (band === undefined || column === undefined || row === undefined || zone < 1 || zone > 60)
    throw unknownTile(name)
  const columnIndex = COLUMN_LETTERS[zone % 3]?.indexOf(column) ?? -1
  const square = columnIndex < 0 ? null : findSquare({ zone, band, column: columnIndex + 1, letter: row })
  if (square === null) throw unknownTile(name)
  return square
}

/** The tile whose MGRS square has its lower left corner at `column` and `row` x 100 km (row from the equator); null if there is none. */
export function tileAt(zone: number, column: number, row: number): TileSquare | null {
  const easting = column * SQUARE_M
  const northing = row * SQUARE_M
  const letter = columnLetter(zone, easting)
  if (letter === undefined || row < FIRST_ROW || row > LAST_ROW) return null
  const band = bandAt(fromUtm(easting + SQUARE_M / 2, northing + SQUARE_M / 2, zone)[1])
  const name = `${String(zone).padStart(2, '0')}${band}${letter}${rowLetter(zone, northing)}`
  if (!isInGrid(name, zone, band, easting, northing)) return null
  const isSouth = row < 0
  const xmin = Math.floor(easting / 60) * 60
  const ymax = Math.ceil((northing + SQUARE_M) / 60) * 60 + (isSouth ? 10_000_000 : 0)
  return {
    tile: name,
    epsg: utmEpsg(zone, isSouth),
    zone,
    isSouth,
    xmin,
    ymin: ymax - TILE_SIZE_M,
    xmax: xmin + TILE_SIZE_M,
    ymax,
  }
}

/** Every Sentinel-2 tile, zone by zone from south to north and west to east: 56,686. */
export function* allTiles(): Generator<TileSquare> {
  for (let zone = 1; zone <= 60; zone++)
    for (let row = FIRST_ROW; row <= LAST_ROW; row++)
      for (let column = 1; column <= 8; column++) {
        const square = tileAt(zone, column, row)
        if (square !== null) yield square
      }
}

/**
 * Whether ESA's grid has a tile for a square. Found from the published list of 56,686 tiles, which follows this rule: a tile is
 * named after the band of the square's centre; a square belongs to its zone if the zone reaches into it from the left at all, or
 * from the right beyond its middle (what is narrower is covered by the neighbouring zone's tiles, 109.8 km wide), looked at on
 * the parallel where the zone is widest. Nothing crosses 180 degrees from zone 60; zone 1 covers that edge instead.
 * Next to the zones of Norway and Svalbard 24 squares differ from the rule and are listed.
 */
function isInGrid(name: string, zone: number, band: string, easting: number, northing: number): boolean {
  if (EXTRA.has(name)) return true
  if (ABSENT.has(name)) return false
  const edges = zoneLongitudes(zone, band)
  if (edges === null) return false
  const widest = fromUtm(500_000, northing >= 0 ? northing : northing + SQUARE_M, zone)[1]
  const west = toUtm(edges[0], widest, zone)[0]
  const east = toUtm(edges[1], widest, zone)[0]
  const fromLeft = zone === 1 ? easting + SQUARE_M > west : easting + SQUARE_M / 2 > west
  const fromRight = zone === 60 ? easting + SQUARE_M / 2 < east : easting < east
  return fromLeft && fromRight
}

function findSquare(q: { zone: number; band: string; column: number; letter: string }): TileSquare | null {
  const first = ROW_LETTERS.indexOf(q.letter) - (q.zone % 2 === 0 ? 5 : 0)
  for (let row = first - 100; row <= LAST_ROW; row += 20) {
    const square = tileAt(q.zone, q.column, row)
    if (square?.tile[2] === q.band) return square
  }
  return null
}

/** Band of a latitude in degrees; what lies beyond 80 S and 84 N counts to the outermost bands, as in ESA's grid. */
function bandAt(lat: number): string {
  return LATITUDE_BANDS.charAt(Math.max(0, Math.min(19, Math.floor((lat + 80) / 8))))
}

function unknownTile(name: string): ProcessingError {
  return new ProcessingError(
    'TILE_UNKNOWN',
    `'${name}' is no Sentinel-2 tile. Expected zone 01 to 60, latitude band C to X and two letters of a 100 km square of that zone, such as 31TCJ.`,
  )
}
