import type { AuxiliaryAir } from './l1-scene.js'
import type { AerosolModel } from './aerosol-mix.js'

/** One field of a forecast or reanalysis over a scene, as its file names it in words. */
export interface ForecastField {
  readonly description: string
  readonly mean: number
}

/** kg/m2 of ozone in one Dobson unit: 2.6867e20 molecules/m2 of 48 g/mol. */
const KG_PER_DU = 2.1415e-5
/** kg/m2 of water in 1 g/cm2. */
const KG_PER_G_CM2 = 10

/** Of one kind of particles alone, by what stands before "aerosol optical depth at 550 nm". */
const ofKind = (words: string, code: number, short: string) =>
  new RegExp(
    `(${words}) aerosol optical (depth|thickness) at 550|var${code} of table 210|\\b${short}aod550\\b`,
    'i',
  )

/** How GDAL names the fields of ECMWF and CAMS in GRIB and NetCDF: parameters 137 (or 136), 206 and 210.207 to 210.212 of ECMWF's tables. */
const FIELDS = {
  wv: /precipitable water|total column (vertically-integrated )?water|var13[67] |\btcwv?\b/i,
  ozone: /total column ozone|var206 |\b(g?tco3)\b/i,
  aot: /(?<!(salt|dust|matter|carbon|sulphate|nitrate|ammonium) )aerosol optical (depth|thickness) at 550|var207 of table 210|\baod550\b/i,
} as const

/** The model of 6S that each kind of particles is nearest to. Soot stays with the continental model, which holds as much of it as forecasts have over cities; 6S's urban model, a third of which is absorbed, is in none. */
const KINDS: readonly (readonly [AerosolModel, RegExp])[] = [
  ['maritime', ofKind('sea salt', 208, 'ss')],
  ['desert', ofKind('dust', 209, 'du')],
  ['continental', ofKind('organic matter', 210, 'om')],
  ['continental', ofKind('black carbon', 211, 'bc')],
  ['continental', ofKind('sulphate', 212, 'su')],
]
/** A part of the aerosol with less of the extinction changes nothing that is measured. */
const LEAST_SHARE = 0.02
/** Less aerosol than this is not parted into kinds. */
const LEAST_AOT = 0.01

/**
 * The air that fields of a forecast tell of: vapour above the model's ground (g/cm2), ozone (DU), AOT at 550 nm, and the aerosol as a mix of models by the AOT of its kinds. Null for what is not there or
 * makes no sense; `notes` say of the latter. Pure.
 */
export function forecastAir(fields: readonly ForecastField[]): {
  readonly air: AuxiliaryAir
  readonly notes: readonly string[]
} {
  const notes: string[] = []
  const of = (field: keyof typeof FIELDS, perUnit: number, least: number, most: number): number | null => {
    const found = fields.find(({ description }) => FIELDS[field].test(description))
    if (found === undefined) return null
    const value = found.mean / perUnit
    if (value >= least && value <= most) return value
    notes.push(
      `The forecast's ${field} of ${value.toPrecision(3)} makes no sense (expected ${least} to ${most}) and was not used.`,
    )
    return null
  }
  return {
    air: {
      wv: of('wv', KG_PER_G_CM2, 0, 8),
      ozone: of('ozone', KG_PER_DU, 100, 600),
      aot: of('aot', 1, 0, 2),
      aerosol: aerosolOf(fields),
    },
    notes,
  }
}

/** A mix as parameters write it, shares with two digits; null where not all kinds are told of, or there is hardly any aerosol. */
function aerosolOf(fields: readonly ForecastField[]): string | null {
  const found = KINDS.map(([model, pattern]) => ({
    model,
    aot: fields.find(({ description }) => pattern.test(description))?.mean ?? NaN,
  }))
  const sum = found.reduce((total, { aot }) => total + aot, 0)
  if (!(sum >= LEAST_AOT) || found.some(({ aot }) => aot < 0)) return null
  const shares = new Map<AerosolModel, number>()
  for (const { model, aot } of found) shares.set(model, (shares.get(model) ?? 0) + aot / sum)
  const kept = [...shares].filter(([, share]) => share >= LEAST_SHARE)
  const whole = kept.reduce((total, [, share]) => total + share, 0)
  // Hundredths that add up to one hundred: the largest part takes what rounding leaves.
  const parts = kept
    .map(([model, share]) => ({ model, hundredths: Math.round((100 * share) / whole) }))
    .sort((a, b) => b.hundredths - a.hundredths)
  const [largest, ...others] = parts
  if (largest === undefined) return null
  if (others.length === 0) return largest.model
  largest.hundredths = 100 - others.reduce((total, { hundredths }) => total + hundredths, 0)
  return parts.map(({ model, hundredths }) => `${model}:${(hundredths / 100).toFixed(2)}`).join(',')
}
