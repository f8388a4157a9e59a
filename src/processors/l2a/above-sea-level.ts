import type { AuxiliaryAir } from '../../domain/l1-scene.js'
import { meanOf } from './fields.js'
import { waterShareAbove } from './gas.js'
import { SCALE_HEIGHT_M } from './nodes.js'
import { altitudeAtPressure, SEA_LEVEL_HPA } from './pressure.js'

/**
 * Water vapour above the ground of each cell, g/cm2, as Sen2Cor and MAJA map it, from columns above sea level, which the correction's tables count in. Pure.
 * @param air of one length; `pressureHpa` > 0 at the ground.
 */
export function vapourAboveGround(air: {
  readonly wv: Float32Array
  readonly pressureHpa: Float32Array
}): Float32Array {
  return air.wv.map((wv, i) => wv * waterShareAbove(air.pressureHpa[i]! / SEA_LEVEL_HPA))
}

/** Thicker columns than these are not reckoned with: the ends of the parameters `wv` (g/cm2) and `aot`. */
const [MOST_WV, MOST_AOT] = [8, 2] as const

/**
 * What a forecast tells of the columns above its ground as columns above sea level, which is what the retrieval brings to the altitude of each pixel again. The ground of a model is smooth: it is
 * taken where the mean pressure of the scene is. Ozone lies far above and stays. Pure.
 * @param pressureHpa of cells, at least one.
 */
export function aboveSeaLevel(air: AuxiliaryAir, pressureHpa: Float32Array): AuxiliaryAir {
  const mean = meanOf(pressureHpa)
  const share = waterShareAbove(mean / SEA_LEVEL_HPA)
  const thinner = Math.exp(-altitudeAtPressure(mean) / SCALE_HEIGHT_M)
  return {
    ...air,
    wv: air.wv === null ? null : Math.min(air.wv / share, MOST_WV),
    aot: air.aot === null ? null : Math.min(air.aot / thinner, MOST_AOT),
  }
}
