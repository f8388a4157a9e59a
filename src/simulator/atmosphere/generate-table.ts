/**
 * Makes `atmosphere-table.ts` and `gas-points.ts`: `node dist/src/simulator/atmosphere/generate-table.js RT_REFERENCE_FOLDER`.
 * Inputs are published numbers: aerosol optics of the continental model (WMO 1983), band-mean Rayleigh optical depths, and band-mean
 * gas transmittances at some absorber amounts. The scattering itself is solved here (successive-orders.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { S2_BANDS } from '../../domain/sentinel2.js'
import { solveScattering } from './successive-orders.js'

type Row = Readonly<Record<string, string>>

const SUN = [0, 12, 24, 35, 45, 54, 62, 69, 75]
const VIEW = [0, 5, 10, 15]
const AOT = [0, 0.1, 0.2, 0.4, 0.8, 1.4]
/** Factors on the molecular optical depth of a Sentinel-2A band at 1013.25 hPa. */
const MOLECULES = [0.65, 0.85, 1.08]
const MODES = 4

export function generateTables(folder: string, outFolder: string): void {
  const rows = (name: string) => readCsv(join(folder, name))
  const gas = rows('gas_coefs.csv')
  const bands = rows('bands.csv').filter((r) => r['platform'] === 'S2A')
  const optics = rows('aerosol_optics.csv').filter((r) => r['model'] === 'continental')
  const phase = rows('aerosol_phase.csv').filter((r) => r['model'] === 'continental')
  const tau = (platform: string, band: string) =>
    number(
      gas.find((r) => r['platform'] === platform && r['band'] === band),
      'tau_rayleigh_1013hpa',
    )
  const table: Record<string, unknown> = {}
  for (const band of S2_BANDS) {
    const wavelength = number(
      bands.find((r) => r['band'] === band),
      'center_um',
    )
    const grid = optics.map((r) => number(r, 'wavelength_um'))
    const upper = Math.max(
      1,
      grid.findIndex((w) => w >= wavelength),
    )
    const [w0, w1] = [grid[upper - 1] ?? 0, grid[upper] ?? 1]
    const t = Math.log(wavelength / w0) / Math.log(w1 / w0)
    const mix = (a: number, b: number) => a * (1 - t) + b * t
    const between = (key: string) => mix(number(optics[upper - 1], key), number(optics[upper], key))
    const phaseOf = (w: number) => phase.filter((r) => Math.abs(number(r, 'wavelength_um') - w) < 1e-6)
    const [p0, p1] = [phaseOf(w0), phaseOf(w1)]
    const extinction = Math.exp(
      mix(Math.log(number(optics[upper - 1], 'ext_rel_550')), Math.log(number(optics[upper], 'ext_rel_550'))),
    )
    const path: number[] = []
    const transmittance: number[] = []
    const albedo: number[] = []
    for (const aot of AOT)
      for (const molecules of MOLECULES) {
        const solution = solveScattering(
          {
            tauRayleigh: tau('S2A', band) * molecules,
            tauAerosol: aot * extinction,
            ssa: between('ssa'),
            phaseCosines: p0.map((r) => number(r, 'cos_scattering_angle')),
            phase: p0.map((r, i) => mix(number(r, 'phase_function'), number(p1[i], 'phase_function'))),
          },
          SUN,
          VIEW,
        )
        for (const bySun of solution.path)
          for (const series of bySun)
            for (let m = 0; m < MODES; m++) path.push(Math.round((series[m] ?? 0) * 1e6))
        for (const value of solution.transmittance) transmittance.push(Math.round(value * 1e6))
        albedo.push(Math.round(solution.sphericalAlbedo * 1e6))
      }
    table[band] = { path, transmittance, albedo }
    process.stderr.write(`${band} done\n`)
  }
  const ratios = Object.fromEntries(
    ['S2A', 'S2B', 'S2C'].map((p) => [
      p,
      Object.fromEntries(S2_BANDS.map((b) => [b, Number((tau(p, b) / tau('S2A', b)).toFixed(5))])),
    ]),
  )
  const header = '/* Made by generate-table.ts; do not edit. */\n'
  const axes = `{ sun: ${JSON.stringify(SUN)}, view: ${JSON.stringify(VIEW)}, aot: ${JSON.stringify(AOT)}, molecules: ${JSON.stringify(MOLECULES)}, modes: ${MODES} }`
  writeFileSync(
    join(outFolder, 'atmosphere-table.ts'),
    `${header}import type { S2Band, S2Platform } from '../../domain/sentinel2.js'\n\n` +
      `/** Degrees, AOT at 550 nm, and factors on the molecules of Sentinel-2A at 1013.25 hPa. */\nexport const AXES = ${axes}\n` +
      `/** Molecular optical depth of each band relative to Sentinel-2A's. */\nexport const MOLECULE_RATIO: Readonly<Record<S2Platform, Readonly<Record<S2Band, number>>>> = ${JSON.stringify(ratios)}\n` +
      `/** x 1e6. path [aot][molecules][sun][view][mode], transmittance [aot][molecules][sun], albedo [aot][molecules]. */\n` +
      `export const TABLE: Readonly<Record<S2Band, { path: readonly number[]; transmittance: readonly number[]; albedo: readonly number[] }>> = {\n` +
      `${S2_BANDS.map((b) => `  ${b}: ${JSON.stringify(table[b])},`).join('\n')}\n}\n`,
  )
  writeFileSync(join(outFolder, 'gas-points.ts'), header + gasPoints(rows('sixs_dev.csv'), gas))
}

/** Points of band-mean transmittance over absorber amount: measured states of Sentinel-2A/B, the published fits for Sentinel-2C. */
function gasPoints(states: readonly Row[], fits: readonly Row[]): string {
  const result: Record<string, Record<string, unknown>> = {}
  for (const platform of ['S2A', 'S2B', 'S2C']) {
    const byBand: Record<string, unknown> = {}
    for (const band of S2_BANDS) {
      const water = new Map<number, number>()
      const ozone = new Map<number, number>()
      const other = new Map([1013, 902].map((p) => [p, new Map<number, number>()]))
      for (const r of states) {
        if (
          r['platform'] !== platform ||
          r['band'] !== band ||
          r['aerosol'] !== 'continental' ||
          r['vza'] !== '0'
        )
          continue
        const airmass = 1 + 1 / Math.cos((number(r, 'sza') * Math.PI) / 180)
        const key = (x: number) => Number(x.toFixed(4))
        const sea = number(r, 'alt_km') === 0
        if (sea) {
          water.set(key(airmass * number(r, 'wv')), number(r, 'tg_h2o'))
          water.set(key((airmass * number(r, 'wv')) / 2), number(r, 'tg_h2o_half'))
          ozone.set(key(airmass * 0.3), number(r, 'tg_o3'))
        }
        const rest = ['tg_co2', 'tg_o2', 'tg_no2', 'tg_ch4', 'tg_co'].reduce((p, k) => p * number(r, k), 1)
        other.get(sea ? 1013 : 902)?.set(key(airmass), rest)
      }
      if (platform === 'S2C') {
        const fit = fits.find((r) => r['platform'] === platform && r['band'] === band)
        const value = (a: string, n: string, u: number) =>
          Number(Math.exp(number(fit, a) * u ** number(fit, n)).toFixed(6))
        for (const u of [1, 2, 3, 4.5, 6, 9]) water.set(u, value('a_h2o', 'n_h2o', u))
        for (const u of [0.6, 0.75, 0.9]) ozone.set(u, value('a_o3', 'n_o3', u))
        for (const m of [2, 2.4, 3]) {
          other.get(1013)?.set(m, value('a_oth', 'n_oth', m))
          other.get(902)?.set(m, value('a_oth', 'n_oth', m * (902 / 1013) ** number(fit, 'p_oth')))
        }
      }
      const sorted = (m: Map<number, number>) => [...m].sort((a, b) => a[0] - b[0])
      byBand[band] = {
        water: sorted(water),
        ozone: sorted(ozone),
        other1013: sorted(other.get(1013) ?? new Map<number, number>()),
        other902: sorted(other.get(902) ?? new Map<number, number>()),
      }
    }
    result[platform] = byBand
  }
  const lines = Object.entries(result).map(
    ([p, b]) =>
      `  ${p}: {\n${Object.entries(b)
        .map(([k, v]) => `    ${k}: ${JSON.stringify(v)},`)
        .join('\n')}\n  },`,
  )
  return (
    `import type { S2Band, S2Platform } from '../../domain/sentinel2.js'\n\ntype Points = readonly (readonly [number, number])[]\n` +
    `/** [slant amount, transmittance]: water in g/cm2, ozone in cm-atm, other gases in airmasses at 1013 and 902 hPa. */\n` +
    `export const GAS_POINTS: Readonly<Record<S2Platform, Readonly<Record<S2Band, { water: Points; ozone: Points; other1013: Points; other902: Points }>>>> = {\n${lines.join('\n')}\n}\n`
  )
}

function readCsv(path: string): Row[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n')
  const keys = (head ?? '').split(',')
  return lines.map((line) => {
    const values = line.split(',')
    return Object.fromEntries(keys.map((k, i) => [k, values[i] ?? '']))
  })
}

function number(row: Row | undefined, key: string): number {
  const value = Number(row?.[key])
  if (!Number.isFinite(value)) throw new Error(`No number ${key} in ${JSON.stringify(row)}.`)
  return value
}

const [folder] = process.argv.slice(2)
if (folder !== undefined) generateTables(folder, join(process.cwd(), 'src/simulator/atmosphere'))
