import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Grid } from '../../domain/grid.js'
import { bandFacts } from '../../domain/band-facts.js'
import type { GridNaming, L1Platform } from '../../domain/l1-scene.js'
import { PLATFORMS } from '../../domain/platforms.js'
import { footprintOf, type FootprintGeometry, type LonLat } from './footprint.js'
import { STAC_EXTENSIONS } from './validate-stac-item.js'

/** Extensions of every item; `view` where it has directions, and one more says how its grid is named. */
const COMMON_EXTENSIONS = ['projection', 'eo', 'raster', 'processing', 'file'] as const

const COG = 'image/tiff; application=geotiff; profile=cloud-optimized'

/** Size in bytes and SHA-256 (hex) of a file. */
export interface FileFacts {
  readonly sizeBytes: number
  readonly sha256: string
}

/** A Cloud-Optimized GeoTIFF with one band. `value = stored x scale + offset`, in `unit` ('1' for a ratio). */
export interface RasterAsset extends FileFacts {
  /** File name within the product's folder, for example `B02_sre.tif`; the asset's key is the part before the dot. */
  readonly file: string
  readonly title: string
  /** The spectral band of a reflectance; absent for AOT, WV, MASK, SCL. */
  readonly band?: string
  readonly roles: readonly string[]
  readonly grid: Grid
  readonly dataType: 'int16' | 'uint8' | 'uint16' | 'float32'
  readonly nodata: number | null
  readonly scale: number
  readonly offset: number
  readonly unit: string
  /** In `unit`; omitted where no pixel is valid. */
  readonly statistics?: {
    readonly min: number
    readonly mean: number
    readonly max: number
    readonly validPercent: number
  }
}

export interface ItemInput {
  readonly name: string
  /** `L2A`, `L3A`, `L3B`. */
  readonly level: string
  /** Whose acquisitions the product was made of; band facts are those of the first. */
  readonly platforms: readonly [L1Platform, ...L1Platform[]]
  readonly naming: GridNaming
  /** Null for products of several orbits. */
  readonly relativeOrbit: number | null
  readonly orbitDirection?: 'ASCENDING' | 'DESCENDING'
  /** ISO 8601 UTC; of a product of several dates the one that it stands for. */
  readonly sensedAt: string
  /** Time of the first and the last acquisition of a product of several dates, ISO 8601 UTC. */
  readonly interval?: { readonly from: string; readonly to: string }
  readonly createdAt: string
  readonly epsg: number
  /** Outline of the grid, densified (`gridOutline` and `toLonLat` of src/raster/transform.ts). */
  readonly outline: readonly LonLat[]
  /** Means over the tile, degrees: zenith in [0, 90], azimuth clockwise from north in [0, 360]. */
  readonly sun?: { readonly zenith: number; readonly azimuth: number }
  readonly view?: { readonly zenith: number; readonly azimuth: number }
  /** 0..100; null where not known. */
  readonly cloudPercent: number | null
  readonly lineage: string
  /** Version of the processor, for example `1`. */
  readonly processorVersion: string
  /** Program and libraries with their versions. */
  readonly software: Readonly<Record<string, string>>
  readonly rasters: readonly RasterAsset[]
  readonly quicklook?: FileFacts & { readonly file: string; readonly title: string }
  readonly report?: FileFacts & { readonly file: string }
  readonly angles?: FileFacts & { readonly file: string }
  /** Further properties, their names beginning with `tilth:`. */
  readonly properties?: Readonly<
    Record<
      `tilth:${string}`,
      string | number | boolean | readonly Readonly<Record<string, string | number>>[]
    >
  >
}

export interface StacItem {
  readonly type: 'Feature'
  readonly stac_version: '1.1.0'
  readonly stac_extensions: readonly string[]
  readonly id: string
  readonly geometry: FootprintGeometry
  readonly bbox: readonly [number, number, number, number]
  readonly properties: Readonly<Record<string, unknown>>
  readonly links: readonly { readonly rel: string; readonly href: string }[]
  readonly assets: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/**
 * The STAC Item of a product: STAC 1.1.0 with projection, eo, raster, processing, file, view and mgrs or landsat. Pure: file facts, angles
 * and outline are given. Hrefs are relative to the item. Fields: docs/products.md.
 */
export function buildItem(input: ItemInput): StacItem {
  const { geometry, bbox } = footprintOf(input.outline)
  const gsd = Math.min(...input.rasters.map((r) => r.grid.pixelWidthM))
  const [first] = input.platforms
  const { platform, constellation, orbitKm } = PLATFORMS[first]
  const instruments = [...new Set(input.platforms.flatMap((p) => PLATFORMS[p].instruments))]
  const sensedAt = new Date(input.sensedAt).toISOString()
  const createdAt = new Date(input.createdAt).toISOString()
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [
      ...COMMON_EXTENSIONS,
      ...(input.sun === undefined ? [] : (['view'] as const)),
      input.naming.extension,
    ].map((name) => STAC_EXTENSIONS[name]),
    id: input.name,
    geometry,
    bbox,
    properties: {
      datetime: sensedAt,
      ...(input.interval && {
        start_datetime: new Date(input.interval.from).toISOString(),
        end_datetime: new Date(input.interval.to).toISOString(),
      }),
      created: createdAt,
      // One name only: for a mix of platforms STAC has the constellation.
      ...(new Set(input.platforms).size === 1 ? { platform } : {}),
      constellation,
      instruments,
      ...(Number.isFinite(gsd) ? { gsd } : {}),
      ...(input.cloudPercent === null ? {} : { 'eo:cloud_cover': rounded(input.cloudPercent, 2) }),
      ...(input.sun && {
        'view:sun_azimuth': rounded(input.sun.azimuth, 4),
        'view:sun_elevation': rounded(90 - input.sun.zenith, 4),
      }),
      ...viewFields(input.view, orbitKm),
      ...input.naming.properties,
      'proj:code': `EPSG:${input.epsg}`,
      'processing:level': input.level,
      'processing:lineage': input.lineage,
      'processing:software': input.software,
      'processing:version': input.processorVersion,
      'processing:datetime': createdAt,
      ...(input.relativeOrbit === null ? {} : { 'tilth:relative_orbit': input.relativeOrbit }),
      ...(input.orbitDirection === undefined
        ? {}
        : { 'tilth:orbit_direction': input.orbitDirection.toLowerCase() }),
      ...input.properties,
    },
    links: [],
    assets: {
      ...Object.fromEntries(input.rasters.map((r) => [r.file.replace(/\.tif$/, ''), rasterAsset(r, first)])),
      ...(input.quicklook && {
        quicklook: {
          href: `./${input.quicklook.file}`,
          title: input.quicklook.title,
          type: 'image/png',
          roles: ['thumbnail', 'overview'],
          ...fileFields(input.quicklook),
        },
      }),
      ...(input.angles && {
        angles: {
          href: `./${input.angles.file}`,
          title: 'Angles of sun and view at the nodes of the L1 product',
          type: 'application/json',
          roles: ['metadata'],
          ...fileFields(input.angles),
        },
      }),
      ...(input.report && {
        report: {
          href: `./${input.report.file}`,
          title: 'How the product was made, with statistics',
          type: 'application/json',
          roles: ['metadata'],
          ...fileFields(input.report),
        },
      }),
    },
  }
}

function rasterAsset(r: RasterAsset, platform: L1Platform): Record<string, unknown> {
  const { grid } = r
  const facts = r.band === undefined ? undefined : bandFacts(platform, r.band)
  return {
    href: `./${r.file}`,
    title: r.title,
    type: COG,
    roles: r.roles,
    gsd: grid.pixelWidthM,
    data_type: r.dataType,
    ...(r.nodata === null ? {} : { nodata: Number.isNaN(r.nodata) ? 'nan' : r.nodata }),
    unit: r.unit,
    'raster:scale': r.scale,
    'raster:offset': r.offset,
    'raster:sampling': 'area',
    'raster:spatial_resolution': grid.pixelWidthM,
    'proj:shape': [grid.height, grid.width],
    'proj:transform': [grid.pixelWidthM, 0, grid.ulx, 0, -grid.pixelHeightM, grid.uly],
    ...(r.statistics && {
      statistics: {
        minimum: r.statistics.min,
        mean: r.statistics.mean,
        maximum: r.statistics.max,
        valid_percent: rounded(r.statistics.validPercent, 4),
      },
    }),
    bands: [
      {
        name: r.band ?? r.file.replace(/\.tif$/, ''),
        ...(facts && {
          'eo:common_name': facts.commonName,
          'eo:center_wavelength': facts.centreUm,
          'eo:full_width_half_max': facts.fwhmUm,
        }),
      },
    ],
    ...fileFields(r),
  }
}

/** 12 20: multihash code of sha2-256 and its length of 32 bytes. */
const fileFields = (f: FileFacts): Record<string, unknown> => ({
  'file:size': f.sizeBytes,
  'file:checksum': `1220${f.sha256}`,
})

/** Mean radius of the Earth. */
const EARTH_KM = 6371

/** The view zenith of an L1 product is the angle at the ground (incidence); off-nadir, the angle at the satellite, is less by the Earth's curvature. */
function viewFields(view: ItemInput['view'], orbitKm: number): Record<string, number> {
  if (view === undefined) return {}
  const sinOffNadir = (Math.sin((view.zenith * Math.PI) / 180) * EARTH_KM) / (EARTH_KM + orbitKm)
  return {
    'view:incidence_angle': rounded(view.zenith, 4),
    'view:off_nadir': rounded((Math.asin(sinOffNadir) * 180) / Math.PI, 4),
    'view:azimuth': rounded(view.azimuth, 4),
  }
}

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits

/** Size and SHA-256 of a file, read piece by piece. Rejects with the system's error. */
export async function readFileFacts(path: string): Promise<FileFacts> {
  const hash = createHash('sha256')
  const file = await open(path)
  try {
    const piece = new Uint8Array(1 << 20)
    let sizeBytes = 0
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, sizeBytes)
      if (bytesRead === 0) return { sizeBytes, sha256: hash.digest('hex') }
      hash.update(piece.subarray(0, bytesRead))
      sizeBytes += bytesRead
    }
  } finally {
    await file.close()
  }
}
