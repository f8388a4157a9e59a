import { AEROSOL_MODELS, type AerosolModel } from '../../domain/aerosol-mix.js'
import type { WindowFit } from './aot.js'

/** The aerosol of a date that says nothing of it: its albedo of 0.925 at 550 nm is the mean over land (0.93: Devi and Satheesh 2022, Atmos. Chem. Phys. 22, 5365). Why: docs/decisions/0028-aerosol-of-opac.md. */
export const DEFAULT_AEROSOL: AerosolModel = 'continental-average'
/**
 * Commonest first: a rarer one has to win against each that is commoner. Urban is last: of its extinction 65 % is scattering, of the columns over towns and under smoke that Dubovik et al. (2002, J. Atmos. Sci. 59, 590) list
 * 86 to 98 %.
 */
const BY_RARITY: readonly AerosolModel[] = [DEFAULT_AEROSOL, 'continental', 'maritime', 'desert', 'urban']
/** Models that a whole column may be: urban air counts only where it has won. */
export const COLUMN_MODELS: readonly AerosolModel[] = AEROSOL_MODELS.filter((model) => model !== 'urban')
/**
 * Another aerosol has to leave this share of the residual, or less. Fields that are bluer or redder than expected move it by themselves: of simulated dates whose aerosol was continental maritime left 0.92 to 1.06 and desert 0.95 to 1.00 of
 * its residual.
 */
export const BETTER = 0.9
/** And has to do so where the residual's ratio is worse by so many standard errors: what the windows happen to be must not decide. */
const STANDARD_ERRORS = 2
/** With fewer windows their scatter says little of the error (a jackknife of eight has seven degrees of freedom). */
const LEAST_WINDOWS = 8
/**
 * Unit 1: what residuals are off by everywhere alike, whatever the aerosol: bands that are calibrated to 2 % against each other, of a signal of 0.1 over dark ground, and vegetation whose blue over red is 0.06 from what is expected (places differ so much:
 * Levy et al. 2007, J. Geophys. Res. 112, D13211), of a red of 0.04: 0.002 and 0.0024.
 */
const SYSTEMATIC = 0.003
/** A model that counts less than this would change the reflectance by less than what else is open. */
const LEAST_WEIGHT = 0.05
/** Unit 1: what the signal model itself leaves open (docs/accuracy.md). Residuals below are not told apart. */
const FLOOR = 1e-4

/** One aerosol against the default, over the windows in which both say something. */
export interface AerosolEvidence {
  readonly windows: number
  /** Residual over that of the default. */
  readonly ratio: number
  /** Two standard errors below and above, from the scatter among the windows; null with less than two. */
  readonly low: number | null
  readonly high: number | null
}

export interface ChosenAerosol {
  /** A model, or the mean of those that the image does not speak against: `continental:0.4,maritime:0.6`. */
  readonly aerosol: string
  /** Weight of each model in it, which add up to 1; empty where the windows are too few to weigh any. */
  readonly weights: ReadonlyMap<AerosolModel, number>
  /** Whether the image tells it: one model won, or all others have lost. */
  readonly isTold: boolean
  /** Reflectance that each leaves unexplained, root of the mean square, unit 1: of the default over all its windows, of the others that times their ratio. */
  readonly residuals: Readonly<Record<string, number>>
  readonly evidence: Readonly<Record<string, AerosolEvidence>>
}

type Fits = readonly (WindowFit | null)[]

/**
 * Which aerosol stands above a date. One wins that explains the same windows better by a tenth even at two standard errors (delete-one jackknife: Efron and Stein 1981, Ann. Statist. 9, 586) than each that is commoner; else the default stands. What
 * is taken is the mean of all that the image does not speak against, as MISR takes the mean over the mixtures that fit (Kahn et al. 2009, IEEE TGRS 47, 4095): each counts by exp(-(r^2 - r_least^2) / (2 SYSTEMATIC^2)), r its
 * residual, none more than another before. Each date by itself: aerosol changes within days, dates of a chain are five and more apart, and a wrong choice would be handed down. Null where the default says nothing anywhere.
 * @param fits of the same windows, which share no cell, under each aerosol that was tried.
 */
export function chooseAerosol(fits: ReadonlyMap<AerosolModel, Fits>): ChosenAerosol | null {
  const ofDefault = fits.get(DEFAULT_AEROSOL) ?? []
  const known = ofDefault.filter((fit) => fit !== null)
  if (known.length === 0) return null
  // What is left where everything is explained may be below 0 by rounding.
  const own = Math.sqrt(
    Math.max(
      0,
      sumOf(known, ({ cost }) => cost),
    ) / sumOf(known, ({ weight }) => weight),
  )
  const evidence: Record<string, AerosolEvidence> = {}
  const residuals: Record<string, number> = {}
  for (const [model, ofModel] of fits) {
    const found = compare(ofModel, ofDefault)
    if (found === null) continue
    evidence[model] = found
    residuals[model] = own * found.ratio
  }
  const of = (model: AerosolModel): Fits => fits.get(model) ?? []
  const tried = BY_RARITY.filter((model) => evidence[model] !== undefined)
  // Against each commoner one, not only the one that stands: what the default explains badly another of the usual kind may explain well.
  const model = tried.reduce((stands, next, i) =>
    tried.slice(0, i).every((commoner) => isBetter(of(next), of(commoner))) ? next : stands,
  )
  const isTold =
    model !== DEFAULT_AEROSOL ||
    // Where no other says anything none has lost.
    (tried.length > 1 && tried.every((other) => other === model || isBetter(of(model), of(other))))
  const weights = weigh(model, evidence, residuals)
  return { aerosol: weights.size === 0 ? model : mixOf(weights), weights, isTold, residuals, evidence }
}

/** The mean AOT of the image under each over that under the one taken, over the windows in which both say something. */
export function aotRatios(
  fits: ReadonlyMap<AerosolModel, Fits>,
  ofTaken: Fits,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...fits].flatMap(([model, ofModel]) => {
      const pairs = pairsOf(ofModel, ofTaken)
      const ratio = sumOf(pairs, ([a]) => a.aot) / sumOf(pairs, ([, b]) => b.aot)
      return Number.isFinite(ratio) ? [[model, ratio] as const] : []
    }),
  )
}

/** Weights in hundredths. */
function weigh(
  stands: AerosolModel,
  evidence: Readonly<Record<string, AerosolEvidence>>,
  residuals: Readonly<Record<string, number>>,
): ReadonlyMap<AerosolModel, number> {
  const possible = AEROSOL_MODELS.filter(
    (model) =>
      (COLUMN_MODELS.includes(model) || model === stands) &&
      (evidence[model]?.windows ?? 0) >= LEAST_WINDOWS &&
      Number.isFinite(residuals[model]),
  )
  if (!possible.includes(stands)) return new Map()
  const squares = possible.map((model) => (residuals[model] ?? Infinity) ** 2)
  const least = Math.min(...squares)
  const likelihoods = squares.map((square) => Math.exp((least - square) / (2 * SYSTEMATIC ** 2)))
  const sum = sumOf(likelihoods, (likelihood) => likelihood)
  const kept = possible.flatMap((model, i) => {
    const likelihood = likelihoods[i] ?? 0
    return likelihood < LEAST_WEIGHT * sum ? [] : [{ model, likelihood }]
  })
  const whole = sumOf(kept, ({ likelihood }) => likelihood)
  const parts = kept.map(({ model, likelihood }) => ({ model, part: Math.round((100 * likelihood) / whole) }))
  // What rounding leaves over goes to the best, which has most.
  const left = 100 - sumOf(parts, ({ part }) => part)
  const best = possible[squares.indexOf(least)]
  return new Map(parts.map(({ model, part }) => [model, (model === best ? part + left : part) / 100]))
}

/** In the order of the models. */
const mixOf = (weights: ReadonlyMap<AerosolModel, number>): string =>
  weights.size === 1
    ? ([...weights.keys()][0] ?? DEFAULT_AEROSOL)
    : AEROSOL_MODELS.flatMap((model) => {
        const weight = weights.get(model)
        return weight === undefined ? [] : [`${model}:${weight}`]
      }).join(',')

function isBetter(one: Fits, other: Fits): boolean {
  const found = compare(one, other)
  return found !== null && found.windows >= LEAST_WINDOWS && (found.high ?? Infinity) < BETTER
}

/** Ratio of the residuals over the windows that both have: elsewhere the one that has no AOT there would get off free. Null where they share none. */
function compare(one: Fits, other: Fits): AerosolEvidence | null {
  const pairs = pairsOf(one, other)
  const windows = pairs.length
  if (windows === 0) return null
  const squares = ({ cost, weight }: WindowFit) => cost + weight * FLOOR ** 2
  const [a, b] = [sumOf(pairs, ([x]) => squares(x)), sumOf(pairs, ([, y]) => squares(y))]
  const ratio = Math.sqrt(a / b)
  if (windows === 1) return { windows, ratio, low: null, high: null }
  const without = pairs.map(([x, y]) => Math.log((a - squares(x)) / (b - squares(y))) / 2)
  const mean = sumOf(without, (log) => log) / windows
  const error = Math.sqrt(((windows - 1) / windows) * sumOf(without, (log) => (log - mean) ** 2))
  const margin = Math.exp(STANDARD_ERRORS * error)
  return { windows, ratio, low: ratio / margin, high: ratio * margin }
}

function pairsOf(one: Fits, other: Fits): (readonly [WindowFit, WindowFit])[] {
  return one.flatMap((fit, i) => {
    const beside = other[i] ?? null
    return fit === null || beside === null ? [] : [[fit, beside] as const]
  })
}

const sumOf = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0)
