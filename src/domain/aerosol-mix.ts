import { ProcessingError } from './errors.js'

/** Aerosol models that the table of the atmosphere has: those of 6S (WMO/WCRP 1986; desert: Shettle 1984), and the continental average of OPAC (Hess et al. 1998). */
export const AEROSOL_MODELS = ['continental', 'maritime', 'urban', 'desert', 'continental-average'] as const
export type AerosolModel = (typeof AEROSOL_MODELS)[number]

/** A part of the aerosol by its share of the extinction at 550 nm, (0, 1]; the parts of a mix add up to 1. */
export interface AerosolPart {
  readonly model: AerosolModel
  readonly weight: number
}

/** How far the weights of a mix may add up to something else than 1: they are written with a few digits. */
const SUM_TOLERANCE = 0.001
const FORM = `one of ${AEROSOL_MODELS.join(', ')}, or a mix such as continental:0.7,maritime:0.3 whose weights (shares of the extinction at 550 nm) add up to 1`

const isModel = (text: string): text is AerosolModel => (AEROSOL_MODELS as readonly string[]).includes(text)

/**
 * The parts of `continental` or `continental:0.7,maritime:0.3`, each model at most once, weights in (0, 1] that add up to 1 within 0.001
 * and are then made to do so exactly. @throws ProcessingError BAD_ARGUMENT saying what was expected and found.
 */
export function parseAerosolMix(text: string): readonly AerosolPart[] {
  const fail = (why: string) =>
    new ProcessingError('BAD_ARGUMENT', `Aerosol '${text}': ${why}. Expected ${FORM}.`)
  if (isModel(text)) return [{ model: text, weight: 1 }]
  const parts = text.split(',').map((part) => {
    const [model = '', weight, more] = part.split(':')
    if (!isModel(model)) throw fail(`'${model}' is no model`)
    if (weight === undefined || more !== undefined || !/^\d*\.?\d+$/.test(weight))
      throw fail(`'${part}' is not model:weight`)
    const value = Number(weight)
    if (!(value > 0 && value <= 1)) throw fail(`the weight of ${model} is ${weight}, not above 0 and up to 1`)
    return { model, weight: value }
  })
  if (new Set(parts.map((part) => part.model)).size < parts.length) throw fail('a model is named twice')
  const sum = parts.reduce((total, part) => total + part.weight, 0)
  if (Math.abs(sum - 1) > SUM_TOLERANCE) throw fail(`the weights add up to ${Number(sum.toFixed(4))}`)
  return parts.map(({ model, weight }) => ({ model, weight: weight / sum }))
}

/** Null where the text is a model or mix, else what is wrong with it. */
export function wrongWithAerosolMix(text: string): string | null {
  try {
    parseAerosolMix(text)
    return null
  } catch (error) {
    if (error instanceof ProcessingError) return error.message
    throw error
  }
}
