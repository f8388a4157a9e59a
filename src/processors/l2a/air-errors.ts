import { AEROSOL_MODELS } from '../../domain/aerosol-mix.js'
import { BETTER } from './choose-aerosol.js'
import type { FoundAtmosphere } from './find-atmosphere.js'

/**
 * What is taken for one standard deviation of a column that somebody measured and gave: 0.02 of AOT (AERONET: Eck et al. 1999, JGR 104, 31333), a tenth of the vapour (Perez-Ramirez et al. 2014, JGR Atmos. 119, 9596).
 */
const MEASURED_AOT = 0.02
const MEASURED_WV_SHARE = 0.1

/** Standard deviation of AOT by where it is from; `isFilled`: the image said nothing near the node. */
function sigmaAot(aot: number, origin: FoundAtmosphere['origins']['aot'], isFilled: boolean): number {
  if (origin === 'parameter') return MEASURED_AOT
  // Nobody knows: as much as is assumed, at least a usual background.
  if (origin === 'default' || isFilled) return Math.max(0.1, 0.5 * aot)
  // Forecasts: fractional gross errors of about 0.4 against AERONET (Inness et al. 2019, ACP 19, 3515, and the quarterly reports of CAMS).
  if (origin === 'auxiliary') return Math.max(0.05, 0.4 * aot)
  // From dark vegetation and its like: two thirds of what MODIS finds lies within this (Levy et al. 2013, AMT 6, 2989); MAJA and LaSRC reach 0.06 to 0.09 over all (Doxani et al. 2018, Remote Sensing 10, 352).
  return 0.05 + 0.15 * aot
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

/** Errors of AOT that have nothing to do with the aerosol are at least those of a measurement. */
export function airErrorsOf(found: FoundAtmosphere): AirErrors {
  const { nodes, origins, isFilled } = found
  const others = otherAerosols(found)
  // What is known of errors of retrieved AOT includes those that a wrong aerosol makes, which come with the aerosol here.
  const byAerosol = others.reduce((sum, { aotRatio }) => sum + (aotRatio - 1) ** 2, 0) / (others.length + 1)
  return {
    sigmaAot: nodes.aot.map((aot, i) => {
      const sigma = sigmaAot(aot, origins.aot, isFilled.aot[i] === 1)
      return Math.sqrt(Math.max(MEASURED_AOT ** 2, sigma ** 2 - byAerosol * aot ** 2))
    }),
    sigmaWv: nodes.wv.map((wv, i) => sigmaWv(wv, origins.wv, isFilled.wv[i] === 1)),
    others,
  }
}

/** An aerosol that may be above the scene as well, and its AOT over that of the one that was taken. */
export interface OtherAerosol {
  readonly model: string
  readonly aotRatio: number
}

/** Share of an aerosol that may be there unseen: mixes of up to a half of it are all as likely, and this is the root of their mean square. */
const UNSEEN_SHARE = 0.3

/**
 * What may be above the scene instead of the aerosol taken, one for each other model. The model itself where the image cannot tell it from the one taken: its residual is within the margin by which one has
 * to be better to be chosen, or none was tried. A mix with UNSEEN_SHARE of it where the image speaks against all of it: of a part nobody can say that. Each with the AOT that the image has under it, because too
 * little light and too much absorption look the same: light that is scattered adds up, so of a mix the inverse of the AOT is the mean. None where the user gave the aerosol.
 */
export function otherAerosols({
  aerosol,
  origins,
  residuals,
  aotRatios,
}: Pick<FoundAtmosphere, 'aerosol' | 'origins' | 'residuals' | 'aotRatios'>): OtherAerosol[] {
  if (origins.aerosol === 'parameter') return []
  const tried = Object.values(residuals)
  const most = tried.length === 0 ? Infinity : Math.min(...tried) / BETTER
  return AEROSOL_MODELS.filter((model) => model !== aerosol).map((model) => {
    const ratio = aotRatios[model] ?? 1
    if (tried.length === 0 || (residuals[model] ?? Infinity) <= most) return { model, aotRatio: ratio }
    const rest = 1 - UNSEEN_SHARE
    return {
      model: `${aerosol}:${rest},${model}:${UNSEEN_SHARE}`,
      aotRatio: 1 / (rest + UNSEEN_SHARE / ratio),
    }
  })
}
