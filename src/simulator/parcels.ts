import { TILE_SIZE_M, tileSquare } from '../domain/mgrs.js'
import { fromUtm } from '../domain/utm.js'
import { hash } from './noise.js'
import { numberWithin } from './options.js'
import { Landscape, VERGE_M, type Parcel } from './landscape.js'
import { GROUND, VARIANTS } from './spectra.js'

export interface ParcelOptions {
  /** Sentinel-2 tile whose parcels are wanted. */
  readonly tile: string
  /** Year of the crops. */
  readonly year: number
  readonly seed: number
  /** Share of the parcels that a survey visited, 0..1. */
  readonly share: number
  /** Share of these that are kept for validation, 0..1. */
  readonly validation: number
}

/** Polygons keep this far from the edges of their parcel. */
const INSET_M = 12
/** Points of a parcel at which the ground is looked at, metres apart. */
const PROBE_M = 20

/**
 * What a field survey of a simulated year would bring: a GeoJSON FeatureCollection (longitude, latitude) of parcels with `crop`, `code` (number of
 * CLASS.tif), `year`, `area_ha` and `split` (train or validation; a parcel keeps its side over the years). Parcels that forest, water, a settlement or
 * another block cuts are left out. Throws BAD_ARGUMENT, TILE_UNKNOWN.
 */
export function surveyParcels(options: ParcelOptions) {
  const square = tileSquare(options.tile)
  const year = numberWithin('year', options.year, 1900, 2200)
  const share = numberWithin('share of parcels', options.share, 0, 1)
  const validation = numberWithin('share for validation', options.validation, 0, 1)
  const landscape = new Landscape(numberWithin('seed', options.seed, 0, 1e9), year)
  const shift = square.zone * 1_000_000
  const northShift = square.isSouth ? 10_000_000 : 0
  const [west, north] = [square.xmin + shift, square.ymax - northShift]
  const window = {
    easting: west,
    northing: north,
    pixelM: 60,
    width: TILE_SIZE_M / 60,
    height: TILE_SIZE_M / 60,
  }
  const chance = (parcel: Parcel, salt: number) => {
    const [a, b] = [Math.round(parcel.u[0]), Math.round(parcel.v[0])]
    return hash(a, b, options.seed + salt) / 0xffffffff
  }
  const features = []
  const taken = new Set<string>()
  for (const parcel of landscape.parcels(window)) {
    if (chance(parcel, 901) >= share || taken.has(parcel.id)) continue
    const ring = corners(parcel)
    const isInside = ring.every(
      ([x, y]) => x >= west && x <= west + TILE_SIZE_M && y <= north && y >= north - TILE_SIZE_M,
    )
    if (!isInside || !isWhole(landscape, parcel)) continue
    taken.add(parcel.id)
    const code = Math.floor(parcel.kind / VARIANTS)
    const [across, along] = [parcel.u, parcel.v].map(([a, b]) => b - a - 2 * INSET_M) as [number, number]
    const lonLat = [...ring, ring[0] ?? [0, 0]].map(([x, y]) =>
      fromUtm(x - shift, y + northShift, square.zone, square.isSouth).map((d) => Number(d.toFixed(7))),
    )
    features.push({
      type: 'Feature' as const,
      properties: {
        id: parcel.id,
        crop: GROUND[code] ?? '',
        code,
        year,
        area_ha: Number((((across - VERGE_M) * along) / 10_000).toFixed(3)),
        split: chance(parcel, 902) < validation ? ('validation' as const) : ('train' as const),
      },
      geometry: { type: 'Polygon' as const, coordinates: [lonLat] },
    })
  }
  return { type: 'FeatureCollection' as const, features }
}

/** Counter-clockwise, in landscape metres. */
function corners({ u, v, direction: { c, s } }: Parcel): [number, number][] {
  const [u0, u1, v0, v1] = [u[0] + VERGE_M + INSET_M, u[1] - INSET_M, v[0] + INSET_M, v[1] - INSET_M]
  const at = (a: number, b: number): [number, number] => [a * c - b * s, a * s + b * c]
  return [at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)]
}

/** The parcel's crop stands at every probe inside of its polygon. */
function isWhole(landscape: Landscape, parcel: Parcel): boolean {
  const ring = corners(parcel)
  const [xs, ys] = [ring.map(([x]) => x), ring.map(([, y]) => y)]
  const [west, north] = [
    Math.floor(Math.min(...xs) / PROBE_M) * PROBE_M,
    Math.ceil(Math.max(...ys) / PROBE_M) * PROBE_M,
  ]
  const [width, height] = [
    Math.ceil((Math.max(...xs) - west) / PROBE_M),
    Math.ceil((north - Math.min(...ys)) / PROBE_M),
  ]
  const { kinds } = landscape.fill({ easting: west, northing: north, pixelM: PROBE_M, width, height })
  const { u, v, direction } = parcel
  let probes = 0
  for (let row = 0; row < height; row++)
    for (let i = 0; i < width; i++) {
      const [x, y] = [west + (i + 0.5) * PROBE_M, north - (row + 0.5) * PROBE_M]
      const [a, b] = [x * direction.c + y * direction.s, y * direction.c - x * direction.s]
      // A little inside of the parcel, or the polygon's edge would be judged by its neighbour.
      if (a < u[0] + VERGE_M + 1 || a > u[1] - 1 || b < v[0] + 1 || b > v[1] - 1) continue
      probes++
      if (kinds[row * width + i] !== parcel.kind) return false
    }
  return probes > 8
}
