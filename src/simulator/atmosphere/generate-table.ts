/**
 * Makes the tables of this folder: `node dist/src/simulator/atmosphere/generate-table.js RT_REFERENCE_FOLDER SOLAR_CSV [S2|OLI|SENSORS|AEROSOLS ...]`.
 * Inputs are published numbers: aerosol optics of the continental and maritime models (WMO 1983) and of smoke (aerosols.ts), band-mean Rayleigh optical depths, band-mean
 * gas transmittances at some absorber amounts, the spectral responses of the sensors and the spectrum of the sun (Thuillier et al. 2003,
 * Solar Physics 214, 1-22). The scattering itself is solved here (successive-orders.ts), about two seconds a band.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { S2_BANDS } from '../../domain/sentinel2.js'
import { OLI_BANDS } from '../landsat/oli.js'
import { halfAndHalf, smoke, type AerosolOptics, type SimulatedAerosol } from './aerosols.js'
import { solveScattering } from './successive-orders.js'

type Row = Readonly<Record<string, string>>

/** One family of sensors: the table is solved for `base`, the others differ from it by their molecular optical depth and their gases. */
interface Family {
  readonly base: string
  readonly platforms: readonly string[]
  /** Those with measured states in sixs_dev.csv; the gases of the others follow the published fits. */
  readonly measured: readonly string[]
  readonly bands: readonly string[]
  readonly table: string
  readonly gases: string
  /** How types are imported and called in the generated files. */
  readonly types: { readonly from: string; readonly band: string; readonly platform: string }
}
const FAMILIES: Readonly<Record<'S2' | 'OLI', Family>> = {
  S2: {
    base: 'S2A',
    platforms: ['S2A', 'S2B', 'S2C'],
    measured: ['S2A', 'S2B'],
    bands: S2_BANDS,
    table: 'atmosphere-table.ts',
    gases: 'gas-points.ts',
    types: { from: '../../domain/sentinel2.js', band: 'S2Band', platform: 'S2Platform' },
  },
  OLI: {
    base: 'L8OLI',
    platforms: ['L8OLI', 'L9OLI2'],
    measured: ['L8OLI'],
    bands: OLI_BANDS,
    table: 'oli-atmosphere-table.ts',
    gases: 'oli-gas-points.ts',
    types: { from: '../landsat/oli.js', band: 'OliBand', platform: 'OliSensor' },
  },
}

const SUN = [0, 12, 24, 35, 45, 54, 62, 69, 75]
const VIEW = [0, 5, 10, 15]
const AOT = [0, 0.1, 0.2, 0.4, 0.8, 1.4]
/** Factors on the molecular optical depth of a band of the base platform at 1013.25 hPa. */
const MOLECULES = [0.65, 0.85, 1.08]
const MODES = 4
/** Central wavelengths in nm of Sentinel-2A's bands: the nodes of the ground spectra (spectra.ts). */
const NODES_NM = [
  442.7, 492.7, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4,
]

export function generateTables(folder: string, outFolder: string, family: Family): void {
  const rows = (name: string) => readCsv(join(folder, name))
  const gas = rows('gas_coefs.csv')
  const bands = rows('bands.csv').filter((r) => r['platform'] === family.base)
  const opticsAt = tabulatedAerosol(rows, 'continental')
  const tau = (platform: string, band: string) =>
    number(
      gas.find((r) => r['platform'] === platform && r['band'] === band),
      'tau_rayleigh_1013hpa',
    )
  const table: Record<string, unknown> = {}
  for (const band of family.bands) {
    const wavelength = number(
      bands.find((r) => r['band'] === band),
      'center_um',
    )
    table[band] = solveBand(tau(family.base, band), opticsAt(wavelength))
    process.stderr.write(`${band} done\n`)
  }
  const ratios = Object.fromEntries(
    family.platforms.map((p) => [
      p,
      Object.fromEntries(family.bands.map((b) => [b, Number((tau(p, b) / tau(family.base, b)).toFixed(5))])),
    ]),
  )
  const { from, band: bandType, platform: platformType } = family.types
  const imports = `import type { ${[bandType, platformType].sort().join(', ')} } from '${from}'\n\n`
  const axes = `{ sun: ${JSON.stringify(SUN)}, view: ${JSON.stringify(VIEW)}, aot: ${JSON.stringify(AOT)}, molecules: ${JSON.stringify(MOLECULES)}, modes: ${MODES} }`
  const prefix = family.base === 'S2A' ? '' : 'OLI_'
  const named = family.base === 'S2A' ? 'Sentinel-2A' : 'Landsat-8'
  writeFileSync(
    join(outFolder, family.table),
    `${HEADER}${imports}` +
      (prefix === ''
        ? `/** Degrees, AOT at 550 nm, and factors on the molecules of ${named} at 1013.25 hPa. */\nexport const AXES = ${axes}\n`
        : '') +
      `/** Molecular optical depth of each band relative to ${named}'s. */\nexport const ${prefix}MOLECULE_RATIO: Readonly<Record<${platformType}, Readonly<Record<${bandType}, number>>>> = ${JSON.stringify(ratios)}\n` +
      `/** x 1e6. path [aot][molecules][sun][view][mode], transmittance [aot][molecules][sun], albedo [aot][molecules]. */\n` +
      `export const ${prefix}TABLE: Readonly<Record<${bandType}, { path: readonly number[]; transmittance: readonly number[]; albedo: readonly number[] }>> = {\n` +
      `${family.bands.map((b) => `  ${b}: ${JSON.stringify(table[b])},`).join('\n')}\n}\n`,
  )
  writeFileSync(
    join(outFolder, family.gases),
    HEADER + imports + gasPoints(rows('sixs_dev.csv'), gas, family, prefix),
  )
}

const HEADER = '/* Made by generate-table.ts; do not edit. */\n'

/** One band on the axes: x 1e6. */
function solveBand(
  tauRayleigh: number,
  aerosol: AerosolOptics,
): Readonly<Record<'path' | 'transmittance' | 'albedo', number[]>> {
  const path: number[] = []
  const transmittance: number[] = []
  const albedo: number[] = []
  for (const aot of AOT)
    for (const molecules of MOLECULES) {
      const column = {
        tauRayleigh: tauRayleigh * molecules,
        tauAerosol: aot * aerosol.extinction,
        ssa: aerosol.ssa,
        phaseCosines: aerosol.cosines,
        phase: aerosol.phase,
      }
      const solution = solveScattering(column, SUN, VIEW)
      for (const bySun of solution.path)
        for (const series of bySun)
          for (let m = 0; m < MODES; m++) path.push(Math.round((series[m] ?? 0) * 1e6))
      for (const value of solution.transmittance) transmittance.push(Math.round(value * 1e6))
      albedo.push(Math.round(solution.sphericalAlbedo * 1e6))
    }
  return { path, transmittance, albedo }
}

/** Optics of a tabulated model at any wavelength (um). */
function tabulatedAerosol(rows: (name: string) => Row[], model: string): (um: number) => AerosolOptics {
  const optics = rows('aerosol_optics.csv').filter((r) => r['model'] === model)
  const phase = rows('aerosol_phase.csv').filter((r) => r['model'] === model)
  return (um) => {
    const between = atWavelength(optics, um)
    const phaseOf = (w: number) => phase.filter((r) => Math.abs(number(r, 'wavelength_um') - w) < 1e-6)
    const [p0, p1] = [phaseOf(between.w0), phaseOf(between.w1)]
    return {
      extinction: between.extinction,
      ssa: between.of('ssa'),
      cosines: p0.map((r) => number(r, 'cos_scattering_angle')),
      phase: p0.map((r, i) => between.mix(number(r, 'phase_function'), number(p1[i], 'phase_function'))),
    }
  }
}

/** Tables of Sentinel-2 for the other aerosols: `mixed`, half continental and half maritime by the extinction at 550 nm, and `smoke`. */
export function generateAerosols(folder: string, outFolder: string): void {
  const rows = (name: string) => readCsv(join(folder, name))
  const [continental, maritime] = [tabulatedAerosol(rows, 'continental'), tabulatedAerosol(rows, 'maritime')]
  const kinds: Readonly<Record<Exclude<SimulatedAerosol, 'continental'>, (um: number) => AerosolOptics>> = {
    mixed: (um) => halfAndHalf(continental(um), maritime(um)),
    smoke: (um) => smoke(um, continental(um).cosines),
  }
  const [gas, bands] = [rows('gas_coefs.csv'), rows('bands.csv')]
  const { base } = FAMILIES.S2
  const parts = Object.entries(kinds).map(([name, at]) => {
    const lines = S2_BANDS.map((band) => {
      const is = (r: Row) => r['platform'] === base && r['band'] === band
      const optics = at(number(bands.find(is), 'center_um'))
      const solved = solveBand(number(gas.find(is), 'tau_rayleigh_1013hpa'), optics)
      process.stderr.write(`${name} ${band} done\n`)
      return `    ${band}: ${JSON.stringify({ extinction: Number(optics.extinction.toFixed(4)), ...solved })},`
    })
    return `  ${name}: {\n${lines.join('\n')}\n  },`
  })
  writeFileSync(
    join(outFolder, 'other-aerosols.ts'),
    `${HEADER}import type { S2Band } from '../../domain/sentinel2.js'\n\n` +
      `/** As TABLE of atmosphere-table.ts, and the extinction relative to 550 nm. */\n` +
      `export const OTHER_AEROSOLS: Readonly<Record<'mixed' | 'smoke', Readonly<Record<S2Band, { extinction: number; path: readonly number[]; transmittance: readonly number[]; albedo: readonly number[] }>>>> = {\n${parts.join('\n')}\n}\n`,
  )
}

/** Aerosol optics between the two tabulated wavelengths around one (um), linear in its logarithm. */
function atWavelength(optics: readonly Row[], wavelength: number) {
  const grid = optics.map((r) => number(r, 'wavelength_um'))
  const upper = Math.max(
    1,
    grid.findIndex((w) => w >= wavelength),
  )
  const [w0, w1] = [grid[upper - 1] ?? 0, grid[upper] ?? 1]
  const t = Math.log(wavelength / w0) / Math.log(w1 / w0)
  const mix = (a: number, b: number) => a * (1 - t) + b * t
  const [low, high] = [optics[upper - 1], optics[upper]]
  return {
    w0,
    w1,
    mix,
    of: (key: string) => mix(number(low, key), number(high, key)),
    extinction: Math.exp(mix(Math.log(number(low, 'ext_rel_550')), Math.log(number(high, 'ext_rel_550')))),
  }
}

/** Optical depths of all bands, and how OLI's bands see spectra that are known at Sentinel-2A's central wavelengths. */
export function generateSensors(folder: string, solarCsv: string, outFolder: string): void {
  const rows = (name: string) => readCsv(join(folder, name))
  const [gas, bands, srf] = [rows('gas_coefs.csv'), rows('bands.csv'), rows('srf_2p5nm.csv')]
  const optics = rows('aerosol_optics.csv').filter((r) => r['model'] === 'continental')
  const depths: Record<string, Record<string, readonly [number, number]>> = {}
  for (const { platforms, bands: ids, base } of Object.values(FAMILIES))
    for (const platform of platforms)
      depths[platform] = Object.fromEntries(
        ids.map((band) => {
          const is = (p: string) => (r: Row) => r['platform'] === p && r['band'] === band
          const row = bands.find(is(platform)) ?? bands.find(is(base))
          const extinction = atWavelength(optics, number(row, 'center_um')).extinction
          const molecules = number(gas.find(is(platform)), 'tau_rayleigh_1013hpa')
          return [band, [molecules, Number(extinction.toFixed(4))] as const]
        }),
      )
  const sun = readCsv(solarCsv).map((r) => Object.values(r).map(Number))
  const sunAt = (nm: number) => {
    const i = Math.max(
      1,
      sun.findIndex((r) => (r[0] ?? 0) >= nm),
    )
    const [[x0 = 0, y0 = 0], [x1 = 1, y1 = 0]] = [sun[i - 1] ?? [], sun[i] ?? []]
    return y0 + ((y1 - y0) * (nm - x0)) / (x1 - x0)
  }
  const weights: Record<string, Record<string, number[]>> = {}
  for (const sensor of FAMILIES.OLI.platforms)
    weights[sensor] = Object.fromEntries(
      OLI_BANDS.map((band) => {
        const sum = NODES_NM.map(() => 0)
        for (const r of srf.filter((r) => r['platform'] === sensor && r['band'] === band)) {
          const nm = 1000 * number(r, 'wavelength_um')
          // Below zero (noise of the measurement) there is no light.
          const light = Math.max(0, number(r, 'response')) * sunAt(nm)
          const upper = NODES_NM.findIndex((x) => x >= nm)
          const [i, j] =
            upper === 0 ? [0, 0] : upper < 0 ? [NODES_NM.length - 1, NODES_NM.length - 1] : [upper - 1, upper]
          const [x0, x1] = [NODES_NM[i] ?? 0, NODES_NM[j] ?? 1]
          const t = i === j ? 0 : (nm - x0) / (x1 - x0)
          sum[i] = (sum[i] ?? 0) + light * (1 - t)
          sum[j] = (sum[j] ?? 0) + light * t
        }
        const total = sum.reduce((a, b) => a + b, 0)
        return [band, sum.map((w) => Number((w / total).toFixed(5)))]
      }),
    )
  const lines = (table: object) =>
    Object.entries(table)
      .map(([key, value]) => `  ${key}: ${JSON.stringify(value)},`)
      .join('\n')
  writeFileSync(
    join(outFolder, 'sensor-tables.ts'),
    `${HEADER}/** By platform and band: molecular optical depth at 1013.25 hPa, and extinction of the continental aerosol relative to 550 nm. */\n` +
      `export const OPTICAL_DEPTHS: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>> = {\n${lines(depths)}\n}\n` +
      `/** Share of each node of a ground spectrum (Sentinel-2A's 13 central wavelengths, straight lines between) in a band of OLI or OLI-2. */\n` +
      `export const OLI_WEIGHTS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {\n${lines(weights)}\n}\n`,
  )
}

/** Points of band-mean transmittance over absorber amount: measured states where there are some, else the published fits. */
function gasPoints(states: readonly Row[], fits: readonly Row[], family: Family, prefix: string): string {
  const result: Record<string, Record<string, unknown>> = {}
  const scales = waterScales(states, family)
  for (const platform of family.platforms) {
    const byBand: Record<string, unknown> = {}
    for (const band of family.bands) {
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
      if (!family.measured.includes(platform)) {
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
        waterScaleKm: scales.get(band) ?? VAPOUR_SCALE_KM,
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
  const type = `Readonly<Record<${family.types.platform}, Readonly<Record<${family.types.band}, { water: Points; ozone: Points; other1013: Points; other902: Points; waterScaleKm: number }>>>>`
  return (
    `type Points = readonly (readonly [number, number])[]\n` +
    `/** [slant amount, transmittance]: water in g/cm2, ozone in cm-atm, other gases in airmasses at 1013 and 902 hPa. waterScaleKm: over so many km what water absorbs falls as if its amount fell to 1/e. */\n` +
    `export const ${prefix}GAS_POINTS: ${type} = {\n${lines.join('\n')}\n}\n`
  )
}

/** Of vapour itself; for bands without its absorption. */
const VAPOUR_SCALE_KM = 2

/**
 * Over what height the absorption of water falls as if its amount at sea level fell to 1/e, km: vapour thins out, and its strong lines
 * lose the broadening by pressure as well. From states of the base platform at sea level and at 1 km, the middle of all.
 */
function waterScales(states: readonly Row[], family: Family): Map<string, number> {
  const scales = new Map<string, number>()
  for (const band of family.bands) {
    const at = (altitude: number) =>
      states
        .filter(
          (r) =>
            ['platform', 'band', 'aerosol', 'vza'].every(
              (key, i) => r[key] === [family.base, band, 'continental', '0'][i],
            ) && number(r, 'alt_km') === altitude,
        )
        .flatMap((r) => {
          const amount = (1 + 1 / Math.cos((number(r, 'sza') * Math.PI) / 180)) * number(r, 'wv')
          const of = (u: number, t: string) => ({ root: Math.sqrt(u), tau: -Math.log(number(r, t)) })
          return [of(amount, 'tg_h2o'), ...(altitude === 0 ? [of(amount / 2, 'tg_h2o_half')] : [])]
        })
        .sort((a, b) => a.root - b.root)
    const sea = at(0)
    const found = at(1).flatMap(({ root, tau }) => {
      const k = sea.findIndex((point) => point.tau >= tau)
      const [low, high] = [sea[k - 1], sea[k]]
      // Less than a thousandth is lost in the rounding of the states.
      if (low === undefined || high === undefined || tau < 0.001 || high.tau === low.tau) return []
      const there = low.root + ((tau - low.tau) / (high.tau - low.tau)) * (high.root - low.root)
      return [1 / (2 * Math.log(root / there))]
    })
    if (found.length > 0)
      scales.set(band, Number(found.sort((a, b) => a - b)[Math.floor(found.length / 2)]?.toFixed(3)))
  }
  return scales
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

const [folder, solarCsv, ...wanted] = process.argv.slice(2)
if (folder !== undefined && solarCsv !== undefined) {
  const out = join(process.cwd(), 'src/simulator/atmosphere')
  const every = wanted.length === 0
  for (const name of ['S2', 'OLI'] as const)
    if (every || wanted.includes(name)) generateTables(folder, out, FAMILIES[name])
  if (every || wanted.includes('SENSORS')) generateSensors(folder, solarCsv, out)
  if (every || wanted.includes('AEROSOLS')) generateAerosols(folder, out)
}
