import { AEROSOL_MODELS, parseAerosolMix, type AerosolModel } from '../../domain/aerosol-mix.js'
import { COLUMN_MODELS } from './choose-aerosol.js'
import type { FoundAtmosphere } from './found-atmosphere.js'

/**
 * What is taken for one standard deviation of a column that somebody measured and gave: 0.02 of AOT (AERONET: Eck et al. 1999, JGR 104, 31333), a tenth of the vapour (Perez-Ramirez et al. 2014, JGR Atmos. 119, 9596).
 */
const MEASURED_AOT = 0.02
const MEASURED_WV_SHARE = 0.1
/** Of AOT from the image, what the ground leaves open: see `sigmaAot`. */
const GROUND_AOT = 0.05

/** Standard deviation of AOT by where it is from; `isFilled`: the image said nothing near the node. */
function sigmaAot(aot: number, origin: FoundAtmosphere['origins']['aot'], isFilled: boolean): number {
  if (origin === 'parameter') return MEASURED_AOT
  // Nobody knows: as much as is assumed, at least a usual background.
  if (origin === 'default' || isFilled) return Math.max(0.1, 0.5 * aot)
  // Forecasts: fractional gross errors of about 0.4 against AERONET (Inness et al. 2019, ACP 19, 3515, and the quarterly reports of CAMS).
  if (origin === 'auxiliary') return Math.max(0.05, 0.4 * aot)
  // Two thirds of what MODIS finds over land lies within 0.05 + 0.15 AOT (Levy et al. 2013, AMT 6, 2989). What is left where there is no aerosol has nothing to do with its kind: it is of the ground,
  // whose colours are not known better. What grows with AOT is taken for the kind's, which comes with `otherAerosols`, and is not there where the aerosol is given.
  return GROUND_AOT
}

/** Standard deviation of water vapour, g/cm2. */
function sigmaWv(wv: number, origin: FoundAtmosphere['origins']['wv'], isFilled: boolean): number {
  if (origin === 'parameter') return MEASURED_WV_SHARE * wv
  // The middle half of the world's columns lies about so far from its median.
  if (origin === 'default' || isFilled) return Math.max(1, 0.5 * wv)
  if (origin === 'auxiliary') return 0.1 + 0.1 * wv
  // Against AERONET 0.2 to 0.3 over columns of 1 to 3 (Obregon et al. 2019, Remote Sensing 11, 1649; Yin et al. 2022, GMD 15, 7933).
  return 0.05 + 0.1 * wv
}

/** How far off the atmosphere of a scene may be. */
export interface AirErrors {
  /** Standard deviations, by node, of what `nodes` states. */
  readonly sigmaAot: Float32Array
  /** g/cm2. */
  readonly sigmaWv: Float32Array
  readonly others: readonly OtherAerosol[]
}

/** Errors of AOT, of vapour and of the aerosol, each without what the others make of it. */
export function airErrorsOf(found: FoundAtmosphere): AirErrors {
  const { nodes, origins, isFilled } = found
  const others = otherAerosols(found)
  return {
    sigmaAot: nodes.aot.map((aot, i) => sigmaAot(aot, origins.aot, isFilled.aot[i] === 1)),
    sigmaWv: nodes.wv.map((wv, i) => sigmaWv(wv, origins.wv, isFilled.wv[i] === 1)),
    others,
  }
}

/** An aerosol that may be above the scene as well. */
export interface OtherAerosol {
  readonly model: string
  /** Its AOT over that of the one that was taken. */
  readonly aotRatio: number
  /** How likely it is beside the others, 0..1. */
  readonly weight: number
}

/**
 * Models are the ends of what there is; the air is a mix. Between the aerosol taken and each model all shares from none to all are as likely: the root of the mean square of numbers that are spread evenly from 0 to 1 is 1 / sqrt(3).
 */
const ANY_SHARE = 0.58
/** How likely a model is at the most that the image speaks against: less is dropped from the mean. */
const UNSEEN_WEIGHT = 0.05

/**
 * What may be above the scene instead of the aerosol taken: a mix of it with each model, as likely as the model counts in it by what the image says; all alike where that is not known. Each with the AOT that the image has under it, because too
 * little light and too much absorption look the same: light that is scattered adds up, so of a mix the inverse of the AOT is the mean. None where the user gave the aerosol.
 */
export function otherAerosols({
  aerosol,
  origins,
  weights,
  aotRatios,
}: Pick<FoundAtmosphere, 'aerosol' | 'origins' | 'weights' | 'aotRatios'>): OtherAerosol[] {
  if (origins.aerosol === 'parameter') return []
  const models = AEROSOL_MODELS.filter((model) => COLUMN_MODELS.includes(model) || weights.has(model))
  return models
    .filter((model) => model !== aerosol)
    .map((model) => {
      const ratio = aotRatios[model] ?? 1
      return {
        model: blend(aerosol, model),
        aotRatio: 1 / (1 - ANY_SHARE + ANY_SHARE / ratio),
        weight: weights.size === 0 ? 1 / models.length : (weights.get(model) ?? UNSEEN_WEIGHT),
      }
    })
}

/** ANY_SHARE of a model, of the aerosol taken the rest. */
function blend(aerosol: string, model: AerosolModel): string {
  const shares = new Map<AerosolModel, number>([[model, ANY_SHARE]])
  for (const part of parseAerosolMix(aerosol))
    shares.set(part.model, (shares.get(part.model) ?? 0) + (1 - ANY_SHARE) * part.weight)
  return [...shares].map(([name, share]) => `${name}:${Number(share.toFixed(4))}`).join(',')
}
