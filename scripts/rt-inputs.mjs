// node scripts/rt-inputs.mjs DATA: writes what the atmosphere of L2A is made of from the reference data in DATA (rt-reference, atmcor-tables):
//   config/rt/aerosol-optics.json                    for `tilth rt build`; the models of OPAC in it are of src/runner/rt/opac.ts and stay
//   src/processors/l2a/tables/gas-absorption.ts      water vapour as a curve of growth, ozone, other gases
//   src/processors/l2a/tables/spectral-responses.ts  of the instruments
//   src/processors/l2a/tables/solar-irradiance.ts    weight of each wavelength within a band
// Run it again when the reference data change, then prettier; nothing else edits these files.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const [data] = process.argv.slice(2)
if (data === undefined) throw new Error('usage: node scripts/rt-inputs.mjs DATA')
const root = resolve(import.meta.dirname, '..')
const tables = join(root, 'src/processors/l2a/tables')
const csv = (name) => {
  const [head, ...lines] = readFileSync(join(data, 'rt-reference', name), 'utf8')
    .trim()
    .split('\n')
  const names = head.trim().split(',')
  return lines.map((line) =>
    Object.fromEntries(
      line
        .trim()
        .split(',')
        .map((cell, i) => [names[i], cell]),
    ),
  )
}
const PLATFORMS = { S2A: 'S2A', S2B: 'S2B', S2C: 'S2C', L8OLI: 'L8', L9OLI2: 'L9' }
const bandOf = (name) => name.replace(/^B(\d)$/, 'B0$1')
const significant = (value, digits) => Number(value.toPrecision(digits))
const group = (rows, keyOf) => {
  const groups = new Map()
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row])
  return groups
}

/** Weighted least squares of a parabola, by its normal equations. */
function parabola(xs, ys, ws) {
  const m = Array.from({ length: 3 }, () => new Array(4).fill(0))
  xs.forEach((x, i) => {
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 3; c++) m[r][c] += ws[i] ** 2 * x ** (r + c)
      m[r][3] += ws[i] ** 2 * x ** r * ys[i]
    }
  })
  for (let p = 0; p < 3; p++)
    for (let r = 0; r < 3; r++) {
      if (r === p) continue
      const f = m[r][p] / m[p][p]
      for (let c = 0; c < 4; c++) m[r][c] -= f * m[p][c]
    }
  return [0, 1, 2].map((r) => m[r][3] / m[r][r])
}

// Share of the vapour above sea level that lies above a target, mid-latitude summer: 0.78, 0.61, 0.35 at 0.5, 1, 2 km.
const WATER_ABOVE = [4.03, 1.97]
const waterAbove = (x) => Math.exp(-x * (WATER_ABOVE[0] + WATER_ABOVE[1] * x))

function gasTables() {
  const rows = csv('sixs_dev.csv').filter((r) => r.aerosol === 'continental' && r.aot550 === '0.05')
  const amounts = (own) =>
    own.flatMap((r) => {
      const mass = 1 / Math.cos((r.sza * Math.PI) / 180) + 1 / Math.cos((r.vza * Math.PI) / 180)
      return [
        [mass * r.wv, Number(r.tg_h2o)],
        [(mass * r.wv) / 2, Number(r.tg_h2o_half)],
      ]
    })
  const curves = new Map()
  for (const [key, own] of group(rows, (r) => `${PLATFORMS[r.platform]} ${bandOf(r.band)}`)) {
    // 1e-5: fewer digits than that are left in the table.
    const points = amounts(own.filter((r) => r.alt_km === '0')).filter(([, t]) => t > 1e-5 && t < 1)
    if (points.length === 0) continue
    const curve = parabola(
      points.map(([u]) => Math.log(u)),
      points.map(([, t]) => Math.log(-Math.log(t))),
      // So that errors of the transmittance itself are squared.
      points.map(([, t]) => -t * Math.log(t)),
    )
    // What remains at 1 km beside the smaller column is the pressure's work on the lines.
    const x = -Math.log(Number(own.find((r) => r.alt_km === '1').pressure_hpa) / 1013.25)
    const value = (u) => curve[0] + curve[1] * Math.log(u) + curve[2] * Math.log(u) ** 2
    const ratios = amounts(own.filter((r) => r.alt_km === '1'))
      .filter(([, t]) => t > 1e-5 && t < 1)
      .map(([u, t]) => {
        let [low, high] = [0.3 * u, u]
        for (let i = 0; i < 60; i++) {
          const middle = (low + high) / 2
          if (value(middle) < Math.log(-Math.log(t))) low = middle
          else high = middle
        }
        return low / u
      })
    const ratio = ratios.reduce((sum, r) => sum + r, 0) / ratios.length
    curves.set(key, { curve, pressure: -Math.log(ratio / waterAbove(x)) / x })
  }
  const fits = new Map(csv('gas_coefs.csv').map((r) => [`${PLATFORMS[r.platform]} ${bandOf(r.band)}`, r]))
  const lines = Object.values(PLATFORMS).map((platform) => {
    const bands = [...fits].filter(([key]) => key.startsWith(`${platform} `))
    const entries = bands.map(([key, r]) => {
      // No rows of S2C and OLI-2: the curve of the sister, moved by what separates the power laws fitted to both.
      const sister = key.replace('S2C', 'S2A').replace('L9', 'L8')
      const known = Number(r.a_h2o) === 0 ? undefined : curves.get(sister)
      const other = fits.get(sister)
      const h2o =
        known === undefined
          ? 'null'
          : `[${[
              known.curve[0] + Math.log(r.a_h2o / other.a_h2o),
              known.curve[1] + (r.n_h2o - other.n_h2o),
              known.curve[2],
              known.pressure,
            ].map((v) => significant(v, 5))}]`
      return `${key.split(' ')[1]}: { h2o: ${h2o}, o3: [${Number(r.a_o3)}, ${Number(r.n_o3)}], other: [${Number(r.a_oth)}, ${Number(r.n_oth)}, ${Number(r.p_oth)}] }`
    })
    return `${platform}: { ${entries.join(', ')} }`
  })
  writeFileSync(
    join(tables, 'gas-absorption.ts'),
    `/* Made by scripts/rt-inputs.mjs; do not edit. */
import type { SpectralSensor } from '../../../domain/l1-scene.js'

/** Two-way gas transmittances of one band. */
export interface BandGases {
  /** Water vapour \`[c0, c1, c2, q]\`: ln(-ln T) = c0 + c1 x + c2 x^2, x = ln(air mass x g/cm2); q: power of the pressure ratio beside the smaller column. Null: none. */
  readonly h2o: readonly [number, number, number, number] | null
  /** Ozone \`[a, n]\`: T = exp(a (air mass x cm-atm)^n). */
  readonly o3: readonly [number, number]
  /** O2 + CO2 + CH4 + NO2 + CO at fixed amounts \`[a, n, p]\`: T = exp(a (air mass x P^p)^n), P in atm. */
  readonly other: readonly [number, number, number]
}

/**
 * Fits to 6SV2.1 (Vermote et al. 1997; mid-latitude summer) with each platform's spectral responses. Water vapour: curves through 24 amounts of
 * 0.5 to 9 g/cm2 a band, within 1.2e-4 of the rows; those of S2C and OLI-2 are the sister's, moved by the ratio of the power laws fitted to both.
 */
export const BAND_GASES: Readonly<Record<SpectralSensor, Readonly<Record<string, BandGases>>>> = {
${lines.join(',\n')},
}

/** Share of the vapour above sea level that lies above a target at pressure P: exp(-x (a + b x)), x = -ln(P / 1013.25 hPa); 0.78, 0.61, 0.35 at 0.5, 1, 2 km. */
export const WATER_ABOVE: readonly [a: number, b: number] = [${WATER_ABOVE}]
`,
  )
}

function responses() {
  const platforms = group(csv('srf_2p5nm.csv'), (r) => PLATFORMS[r.platform])
  const lines = [...platforms].map(([platform, rows]) => {
    const bands = [...group(rows, (r) => bandOf(r.band))].map(
      ([band, own]) =>
        `${band}: [${significant(own[0].wavelength_um * 1000, 6)}, '${own.map((r) => significant(Number(r.response), 4)).join(' ')}']`,
    )
    return `${platform}: { ${bands.join(', ')} }`
  })
  writeFileSync(
    join(tables, 'spectral-responses.ts'),
    `/* Made by scripts/rt-inputs.mjs; do not edit. */
import type { SpectralSensor } from '../../../domain/l1-scene.js'

/**
 * Spectral responses by band: first wavelength in nm, values at steps of 2.5 nm. Sources: ESA, Sentinel-2 Spectral Response Functions v3.0 (S2A, S2B) and v4.0 (S2C), COPE-GSEG-EOPG-TN-15-0007;
 * NASA, Landsat 8 OLI and Landsat 9 OLI-2 relative spectral responses (Barsi et al. 2014, Remote Sensing 6; 2019, doi:10.1117/12.2529776).
 */
export const SPECTRAL_RESPONSES: Readonly<Record<SpectralSensor, Readonly<Record<string, readonly [startNm: number, values: string]>>>> = {
${lines.join(',\n')},
}
`,
  )
}

function solar() {
  const text = execFileSync('bzcat', [join(data, 'atmcor-tables/solar/Thuillier2003.txt.bz2')], {
    encoding: 'utf8',
  })
  const points = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/[\s,]+/).map(Number))
  const [start, step, end] = [400, 5, 2400]
  const values = []
  for (let nm = start; nm <= end; nm += step) {
    const inside = points.filter(([at]) => at >= nm - step / 2 && at < nm + step / 2)
    const sum = inside.reduce((total, [, value]) => total + value, 0)
    // Where the source has no point within a step, the straight line between its neighbours.
    const after = points.findIndex(([at]) => at >= nm)
    const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]]
    values.push(
      significant(inside.length > 0 ? sum / inside.length : y0 + ((y1 - y0) * (nm - x0)) / (x1 - x0), 4),
    )
  }
  writeFileSync(
    join(tables, 'solar-irradiance.ts'),
    `/* Made by scripts/rt-inputs.mjs; do not edit. */
/** Sunlight outside the atmosphere at one astronomical unit, mW m-2 nm-1, means over steps of 5 nm. Source: Thuillier et al. (2003), Solar Physics 214, 1. */
export const SOLAR_IRRADIANCE = { startNm: ${start}, stepNm: ${step}, values: '${values.join(' ')}' } as const
`,
  )
}

function optics() {
  const phases = group(csv('aerosol_phase.csv'), (r) => `${r.model} ${r.wavelength_um}`)
  // The 80 nodes of the Gauss rule; -1, 0 and 1 of the table stand between them. Below 0.4 um no band sees.
  const isNode = (r) => ![-1, 0, 1].includes(Number(r.cos_scattering_angle))
  const rows = csv('aerosol_optics.csv').filter((r) => r.wavelength_um >= 0.4)
  const models = Object.fromEntries(
    [...group(rows, (r) => r.model)].map(([model, own]) => [
      model,
      own.map((r) => ({
        extinction: Number(r.ext_rel_550),
        albedo: Number(r.ssa),
        phase: phases
          .get(`${model} ${r.wavelength_um}`)
          .filter(isNode)
          .map((p) => significant(Number(p.phase_function), 6)),
      })),
    ]),
  )
  const [first] = phases.values()
  const path = join(root, 'config/rt/aerosol-optics.json')
  const { models: others } = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(
    path,
    JSON.stringify({
      source:
        "Aerosol models of 6SV2.1 (Vermote et al. 1997; Kotchenova et al. 2006) by Mie theory: continental, maritime, urban after WMO/WCRP (1986) and d'Almeida et al. (1991), desert after Shettle (1984); continental-average of OPAC (Hess et al. 1998) by src/runner/rt/opac.ts. Extinction relative to 550 nm, single scattering albedo, phase function (1/2 integral P dmu = 1) at the cosines of a Gauss rule of 80 nodes.",
      wavelengths_um: [...group(rows, (r) => r.wavelength_um).keys()].map(Number),
      cosines: first.filter(isNode).map((r) => Number(r.cos_scattering_angle)),
      models: {
        ...models,
        ...Object.fromEntries(Object.entries(others).filter(([name]) => !(name in models))),
      },
    }) + '\n',
  )
}

gasTables()
responses()
solar()
optics()
