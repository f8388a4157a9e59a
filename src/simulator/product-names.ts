import type { S2Platform } from '../domain/sentinel2.js'
import type { TileSquare } from '../domain/mgrs.js'
import type { TilePass } from './orbit.js'

/** All names and times of one simulated product; nothing here depends on the clock of the machine. */
export interface ProductNames {
  readonly platform: S2Platform
  readonly tile: string
  /** `02.09` or `05.11`, ... */
  readonly baseline: string
  /** `yyyymmddThhmmss` of datatake start, sensing and generation. */
  readonly datatake: string
  readonly sensing: string
  readonly generation: string
  readonly datatakeIso: string
  readonly sensingIso: string
  readonly generationIso: string
  readonly orbit: string
  readonly absolute: string
  readonly safe: string
  readonly granule: string
  readonly granuleId: string
  readonly datastrip: string
  readonly datastripId: string
  readonly datatakeId: string
  /** Start of the image names: `T31TCJ_20250510T105031`. */
  readonly image: string
}

/** Names by ESA's compact naming convention. The generation time is taken four hours after sensing. */
export function productNames(
  platform: S2Platform,
  square: TileSquare,
  baseline: string,
  pass: TilePass,
): ProductNames {
  const iso = (ms: number) => new Date(ms).toISOString()
  const compact = (ms: number) => iso(ms).slice(0, 19).replaceAll('-', '').replaceAll(':', '')
  const generationMs = Math.floor(pass.sensingMs / 1000) * 1000 + 4 * 3_600_000
  const [datatake, sensing, generation] = [
    compact(pass.datatakeMs),
    compact(pass.sensingMs),
    compact(generationMs),
  ]
  const tile = square.tile
  const n = baseline.replace('.', '')
  const orbit = String(pass.relativeOrbit).padStart(3, '0')
  const absolute = String(pass.absoluteOrbit).padStart(6, '0')
  return {
    platform,
    tile,
    baseline,
    datatake,
    sensing,
    generation,
    orbit,
    absolute,
    datatakeIso: iso(pass.datatakeMs),
    sensingIso: iso(pass.sensingMs),
    generationIso: iso(generationMs).replace('Z', '000Z'),
    safe: `${platform}_MSIL1C_${datatake}_N${n}_R${orbit}_T${tile}_${generation}.SAFE`,
    granule: `L1C_T${tile}_A${absolute}_${sensing}`,
    granuleId: `${platform}_OPER_MSI_L1C_TL_TLTH_${generation}_A${absolute}_T${tile}_N${baseline}`,
    datastrip: `DS_TLTH_${generation}_S${sensing}`,
    datastripId: `${platform}_OPER_MSI_L1C_DS_TLTH_${generation}_S${sensing}_N${baseline}`,
    datatakeId: `G${platform}_${datatake}_${absolute}_N${baseline}`,
    image: `T${tile}_${datatake}`,
  }
}
