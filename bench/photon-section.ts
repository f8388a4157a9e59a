import { join, resolve } from 'node:path'
import { parseAerosolMix } from '../src/domain/aerosol-mix.js'
import { readAerosolOptics } from '../src/runner/rt/plan.js'
import { modelOnSixsGrid } from './accuracy-measures.js'
import { markdownTable } from './markdown-table.js'
import { followPhotons, particlesOf } from './monte-carlo.js'
import type { SixsRow } from './reference-table.js'

/** The wavelength of the optics' table that lies in the band, and those of its states that are looked at: seen from straight above, at sea level. */
const [UM, BAND, PLATFORM, AOTS] = [0.86, 'B8A', 'S2A', [0.4, 0.8]] as const
export const PHOTONS = 2_000_000
const OPTICS = join(resolve(import.meta.dirname, '../..'), 'config/rt/aerosol-optics.json')

/** Path reflectance of 6S, of ours, and of photons followed one by one through the same particles; some seconds of CPU. */
export async function photonSection(rows: readonly SixsRow[]): Promise<string> {
  const optics = await readAerosolOptics(OPTICS)
  const [{ wv } = { wv: NaN }] = rows.map(({ input }) => input)
  const states = rows.filter(
    ({ input, aot550, altKm }) =>
      input.platform === PLATFORM &&
      input.band === BAND &&
      input.viewZenithDeg === 0 &&
      input.wv === wv &&
      altKm === 0 &&
      AOTS.some((aot) => aot === aot550),
  )
  const f4 = (value: number) => value.toFixed(4)
  return markdownTable(
    [
      'aerosol',
      'AOT',
      'sun zenith',
      '6S',
      'ours',
      'photons',
      'standard error',
      '6S minus photons',
      'ours minus photons',
    ],
    states.map((row) => {
      const [{ model } = { model: 'continental' as const }] = parseAerosolMix(row.input.aerosol)
      const { albedo, phase } = particlesOf(optics, model, UM)
      const { tauRayleigh, tauAerosol } = row
      const column = { tauRayleigh, tauAerosol, ssa: albedo, phase }
      const { reflectance, error } = followPhotons(column, row.sza, PHOTONS)
      const ours = modelOnSixsGrid(PLATFORM).bandCoefficients(row.input).pathReflectance
      return [
        ...[
          model,
          row.aot550.toFixed(1),
          String(row.sza),
          f4(row.rhoAtm),
          f4(ours),
          f4(reflectance),
          error.toFixed(5),
        ],
        ...[f4(row.rhoAtm - reflectance), f4(ours - reflectance)],
      ]
    }),
  )
}
