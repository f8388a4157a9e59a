import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { wrongWithAerosolMix } from '../src/domain/aerosol-mix.js'
import { ProcessingError } from '../src/domain/errors.js'
import type { SpectralSensor } from '../src/domain/l1-scene.js'
import type { AtmosphereInput } from '../src/processors/l2a/atmosphere.js'
import { SPECTRAL_RESPONSES } from '../src/processors/l2a/tables/spectral-responses.js'

/** One 6SV2.1 run, as `rt-reference/sixs_dev.csv` has them: state, signal over four surfaces, and the terms it is made of. Column names as in the file. */
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

/** Columns of a table of 6S runs that are numbers: the state, and what `SixsRow` has of it. */
const NUMBERS = [
  ...['sza', 'vza', 'raa', 'aot550', 'wv', 'o3', 'alt_km', 'pressure_hpa'],
  ...['rtoa_rho0', 'rtoa_rho005', 'rtoa_rho020', 'rtoa_rho050', 'rho_atm', 'rho_rayleigh'],
  ...['t_down', 't_up', 'sph_albedo', 'tg_total', 'tg_h2o', 'tg_h2o_half', 'tg_o3'],
  ...['tg_co2', 'tg_o2', 'tg_no2', 'tg_ch4', 'tg_co', 'tau_aerosol', 'tau_rayleigh'],
] as const

/**
 * Rows of a table of 6SV2.1 runs; default: the developer grid, 16,800 rows. Columns may stand in any order beside others.
 * @throws ProcessingError BAD_ARGUMENT for a file that cannot be read or has no rows, a missing column, a cell that is no number, a platform, band or aerosol that nobody knows.
 */
export function readSixsRows(path = join(RT_REFERENCE, 'sixs_dev.csv')): SixsRow[] {
  const fail = (why: string, options?: { cause: unknown }) =>
    new ProcessingError('BAD_ARGUMENT', `Table ${path}: ${why}.`, options)
  let rows: Record<string, string>[]
  try {
    rows = readCsv(path)
  } catch (cause) {
    throw fail(`cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, { cause })
  }
  if (rows[0] === undefined) throw fail('no rows below a line of column names')
  for (const name of ['platform', 'band', 'aerosol', ...NUMBERS])
    if (rows[0][name] === undefined)
      throw fail(`no column '${name}'; its first line has to name the columns of sixs_dev.csv`)
  return rows.map((row, i) => {
    const where = `line ${i + 2}`
    const text = (name: string): string => row[name] ?? ''
    const n = (name: (typeof NUMBERS)[number]): number => {
      const value = Number(text(name) === '' ? NaN : text(name))
      if (!Number.isFinite(value))
        throw fail(`${where}, column '${name}': expected a number, found '${text(name)}'`)
      return value
    }
    const { [text('platform')]: platform } = PLATFORMS
    if (platform === undefined)
      throw fail(
        `${where}, column 'platform': expected one of ${Object.keys(PLATFORMS).join(', ')}, found '${text('platform')}'`,
      )
    const band = bandOf(text('band'))
    if (!(band in SPECTRAL_RESPONSES[platform]))
      throw fail(`${where}, column 'band': ${platform} has no '${text('band')}'`)
    const wrong = wrongWithAerosolMix(text('aerosol'))
    if (wrong !== null) throw fail(`${where}, column 'aerosol': ${wrong.replace(/\.$/, '')}`)
    const input: AtmosphereInput = {
      ...{ platform, band, aerosol: text('aerosol') },
      sunZenithDeg: n('sza'),
      viewZenithDeg: n('vza'),
      relativeAzimuthDeg: n('raa'),
      aot550: n('aot550'),
      wv: n('wv'),
      ozone: n('o3') * 1000,
      pressureHpa: n('pressure_hpa'),
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
