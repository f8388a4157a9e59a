import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { SpectralSensor } from '../src/domain/l1-scene.js'
import type { AtmosphereInput } from '../src/processors/l2a/atmosphere.js'

/** One 6SV2.1 run of `rt-reference/sixs_dev.csv`: state, signal over four surfaces, and the terms it is made of. Column names as in the file. */
export interface SixsRow {
  readonly input: AtmosphereInput
  readonly aot550: number
  readonly sza: number
  readonly altKm: number
  /** Top-of-atmosphere reflectance over ground of reflectance 0, 0.05, 0.2, 0.5. */
  readonly toa: readonly [number, number, number, number]
  readonly rhoAtm: number
  readonly rhoRayleigh: number
  readonly tDown: number
  readonly tUp: number
  readonly sphAlbedo: number
  readonly tgTotal: number
  readonly tgWater: number
  readonly tgHalfWater: number
  readonly tgOzone: number
  readonly tgOther: number
  readonly tauAerosol: number
  readonly tauRayleigh: number
}

/** Ground reflectances of `SixsRow.toa`. */
export const SURFACES = [0, 0.05, 0.2, 0.5] as const

/** Where the shared test data lies, beside the checkout; TILTH_ROOT is set by the launcher. */
export const DATA = resolve(process.env['TILTH_ROOT'] ?? process.cwd(), '../shared/data')
export const RT_REFERENCE = join(DATA, 'rt-reference')
export const hasReferenceTable = existsSync(join(RT_REFERENCE, 'sixs_dev.csv'))

/** Rows of a comma-separated file with a header, as records of text. */
export function readCsv(path: string): Record<string, string>[] {
  const [head = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n')
  const names = head.trim().split(',')
  return lines.map((line) => {
    const cells = line.trim().split(',')
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']))
  })
}

const PLATFORMS: Readonly<Record<string, SpectralSensor>> = {
  S2A: 'S2A',
  S2B: 'S2B',
  S2C: 'S2C',
  L8OLI: 'L8',
  L9OLI2: 'L9',
}

/** Platform as the table's files name it. */
export function platformOf(name: string): SpectralSensor {
  const platform = PLATFORMS[name]
  if (platform === undefined) throw new Error(`Unknown platform '${name}' in the reference table.`)
  return platform
}

/** Band as the processors name it: the table's files call OLI's first one B1. */
export const bandOf = (name: string): string => name.replace(/^B(\d)$/, 'B0$1')

/** The developer grid of 6SV2.1 runs, 16,800 rows. */
export function readSixsRows(): SixsRow[] {
  return readCsv(join(RT_REFERENCE, 'sixs_dev.csv')).map((row) => {
    const n = (name: string): number => Number(row[name])
    const input: AtmosphereInput = {
      platform: platformOf(row['platform'] ?? ''),
      band: bandOf(row['band'] ?? ''),
      sunZenithDeg: n('sza'),
      viewZenithDeg: n('vza'),
      relativeAzimuthDeg: n('raa'),
      aot550: n('aot550'),
      wv: n('wv'),
      ozone: n('o3') * 1000,
      pressureHpa: n('pressure_hpa'),
      aerosol: row['aerosol'] ?? '',
    }
    return {
      input,
      aot550: n('aot550'),
      sza: n('sza'),
      altKm: n('alt_km'),
      toa: [n('rtoa_rho0'), n('rtoa_rho005'), n('rtoa_rho020'), n('rtoa_rho050')],
      rhoAtm: n('rho_atm'),
      rhoRayleigh: n('rho_rayleigh'),
      tDown: n('t_down'),
      tUp: n('t_up'),
      sphAlbedo: n('sph_albedo'),
      tgTotal: n('tg_total'),
      tgWater: n('tg_h2o'),
      tgHalfWater: n('tg_h2o_half'),
      tgOzone: n('tg_o3'),
      tgOther: n('tg_co2') * n('tg_o2') * n('tg_no2') * n('tg_ch4') * n('tg_co'),
      tauAerosol: n('tau_aerosol'),
      tauRayleigh: n('tau_rayleigh'),
    }
  })
}
