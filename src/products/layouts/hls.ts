import { MASK_BITS } from '../../domain/mask-bits.js'
import type { Grid } from '../../domain/grid.js'
import type { L1Platform } from '../../domain/l1-scene.js'
import { compactTime, type ExportFacts } from './export-facts.js'
import { sen2corNames } from './sen2cor.js'

/** Reflectance x 10000 and its no-data; Fmask's no-data; angles x 100 and their no-data. Source: HLS v2.0 user guide. */
export const HLS_NO_DATA = -9999
export const HLS_MASK_NO_DATA = 255
export const HLS_ANGLE_NO_DATA = 40000

/** Of a product that may be of Landsat, on the tile of Sentinel-2 that it names. */
export type HlsFacts = ExportFacts<L1Platform>

const isSentinel2 = (facts: HlsFacts): facts is ExportFacts => facts.platform.startsWith('S2')

/** How many of the finest pixels lie side by side in one of 30 m: those of Landsat are as large. */
export const hlsFactor = (facts: HlsFacts): 1 | 3 => (isSentinel2(facts) ? 3 : 1)

/** AOT at 550 nm from which the aerosol level is moderate, and high. The guide gives no numbers: these are ours. */
const [MODERATE, HIGH] = [0.2, 0.5]

/** `HLS.S30.T31TCJ.2025130T105621.v2.0`: start of the datatake as year and day of the year; of Landsat `HLS.L30.` with the time of the scene. */
export function hlsName(facts: HlsFacts): string {
  const { tile, datatakeStart } = facts
  const time = new Date(datatakeStart)
  const year = time.getUTCFullYear()
  const day = Math.floor((time.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1
  return `HLS.${isSentinel2(facts) ? 'S30' : 'L30'}.T${tile}.${year}${String(day).padStart(3, '0')}${compactTime(datatakeStart).slice(8)}.v2.0`
}

/**
 * Fmask of our mask without the aerosol level, by value: bit 0 cirrus, 1 cloud, 2 adjacent to cloud or shadow, 3 cloud shadow, 4 snow or ice, 5 water. No-data is
 * HLS_MASK_NO_DATA.
 */
export function hlsMaskTable(): Uint8Array {
  const bit = (name: keyof typeof MASK_BITS) => 1 << MASK_BITS[name]
  return Uint8Array.from({ length: 65536 }, (_, bits) => {
    const has = (name: keyof typeof MASK_BITS) => (bits & bit(name)) !== 0
    if (has('noData')) return HLS_MASK_NO_DATA
    const shadow = has('shadowInside') || has('shadowOutside')
    return (
      (has('cirrus') ? 1 : 0) |
      (has('cloud') ? 2 : 0) |
      (has('cloudOrShadow') && !has('cloud') && !shadow ? 4 : 0) |
      (shadow ? 8 : 0) |
      (has('snow') ? 16 : 0) |
      (has('water') ? 32 : 0)
    )
  })
}

/** Bits 6 and 7 of Fmask: 0 climatology (AOT by default, or not known), 1 low, 2 moderate, 3 high. */
export function hlsAerosolLevel(aot: number, isDefault: boolean): number {
  if (isDefault || Number.isNaN(aot)) return 0
  return (aot < MODERATE ? 1 : aot < HIGH ? 2 : 3) << 6
}

/** What every file says of itself. `spatial`: percent of the tile with data; `nbar`: how reflectance was normalised, null where it was not. */
export function hlsMetadata(
  facts: HlsFacts,
  grid: Grid,
  spatial: number,
  nbar: { readonly sunZenith: number; readonly bandpass: 'none' | 'oli' } | null,
): Readonly<Record<string, string>> {
  const zone = facts.finest.epsg % 100
  return {
    ACCODE: facts.software,
    SENSING_TIME: facts.sensedAt,
    HLS_PROCESSING_TIME: facts.createdAt,
    PRODUCT_URI: facts.name,
    ...(isSentinel2(facts)
      ? {
          SPACECRAFT_NAME: `Sentinel-${facts.platform.slice(1)}`,
          DATASTRIP_ID: sen2corNames(facts).datastripId,
        }
      : { SPACECRAFT_NAME: `Landsat-${Number(facts.platform.slice(2))}` }),
    [isSentinel2(facts) ? 'TILE_ID' : 'SENTINEL2_TILEID']: facts.tile,
    HORIZONTAL_CS_NAME: `WGS84 / UTM zone ${zone}${facts.finest.epsg >= 32700 ? 'S' : 'N'}`,
    HORIZONTAL_CS_CODE: `EPSG:${facts.finest.epsg}`,
    ULX: String(grid.ulx),
    ULY: String(grid.uly),
    NROWS: String(grid.height),
    NCOLS: String(grid.width),
    SPATIAL_RESOLUTION: String(grid.pixelWidthM),
    SPATIAL_RESAMPLING_ALG: isSentinel2(facts) ? 'area weighted average' : 'cubic convolution',
    spatial_coverage: String(Math.round(spatial)),
    cloud_coverage: facts.cloudPercent === null ? 'unknown' : String(Math.round(facts.cloudPercent)),
    MEAN_SUN_ZENITH_ANGLE: String(facts.sun.zenith),
    MEAN_SUN_AZIMUTH_ANGLE: String(facts.sun.azimuth),
    ...(facts.view === null
      ? {}
      : {
          MEAN_VIEW_ZENITH_ANGLE: String(facts.view.zenith),
          MEAN_VIEW_AZIMUTH_ANGLE: String(facts.view.azimuth),
        }),
    BRDF_NORMALISED: nbar === null ? 'no' : 'yes',
    // The bands of Landsat are those of OLI: there is nothing to adjust.
    ...(isSentinel2(facts) ? { BANDPASS_ADJUSTED: nbar?.bandpass === 'oli' ? 'yes' : 'no' } : {}),
    ...(nbar === null ? {} : { NBAR_SOLAR_ZENITH: String(nbar.sunZenith) }),
  }
}
