import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { lineToOli } from '../../processors/l2a/bandpass.js'
import { BRDF_WEIGHTS } from '../../processors/l2a/brdf.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { BANDPASS_SOURCE, NBAR_SOURCE, planNbar, type NbarPlan } from '../../processors/l2a/nbar.js'
import type { NbarReport } from '../../products/report.js'
import { toLonLat } from '../../raster/transform.js'
import { productGrids } from './product-grids.js'

/** The normalisation that was asked for; null: none. Throws BAD_ARGUMENT where bands are to be adjusted without it. */
export function prepareNbar(
  scene: L1Scene,
  { nbar, bandpass }: Pick<L2aParams, 'nbar' | 'bandpass'>,
): NbarPlan | null {
  if (!nbar && bandpass !== 'none')
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `bandpass is '${bandpass}' and nbar is off: only files Bxx_nbar.tif are adjusted to bands of another sensor. Set nbar, or bandpass to none.`,
    )
  if (!nbar) return null
  const { rows, cols, ulx, uly, stepXM, stepYM } = scene.sun
  const nodes = Array.from(
    { length: rows * cols },
    (_, i) => [ulx + (i % cols) * stepXM, uly - Math.floor(i / cols) * stepYM] as const,
  )
  return planNbar(scene, toLonLat(productGrids(scene).finest.epsg, nodes), bandpass)
}

/** Mean of the sun zenith that pixels are normalised to, degrees. */
export const meanSunZenith = ({ sunZenith }: NbarPlan): number =>
  sunZenith.reduce((sum, value) => sum + value, 0) / sunZenith.length

/** What the report says of it: weights and lines by band, and what the sun became. */
export function nbarReportOf(scene: L1Scene, plan: NbarPlan, isKept: (band: string) => boolean): NbarReport {
  const round = (value: number) => Math.round(value * 1e4) / 1e4
  const bands = scene.bands.flatMap(({ id }) => {
    const weights = BRDF_WEIGHTS[scene.satellite][id]
    if (weights === undefined || !isKept(id)) return []
    const toOli = plan.bandpass === 'oli' ? lineToOli(scene.platform, id) : null
    return [[id, { ...weights, bandpass: toOli }] as const]
  })
  return {
    sun_zenith: {
      min: round(Math.min(...plan.sunZenith)),
      mean: round(meanSunZenith(plan)),
      max: round(Math.max(...plan.sunZenith)),
      largest_change: round(
        plan.sunZenith.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - (scene.sun.zenith[i] ?? value))),
          0,
        ),
      ),
      observed_share: round(plan.observedNodes / plan.sunZenith.length),
    },
    bands: Object.fromEntries(bands),
    source: plan.bandpass === 'none' ? NBAR_SOURCE : `${NBAR_SOURCE}; bands: ${BANDPASS_SOURCE}`,
  }
}

/** Flags of the report. */
export function nbarFlagsOf(scene: L1Scene, { observedNodes, bandpass }: NbarPlan): string[] {
  return [
    ...(observedNodes > 0 ? ['nbar_sun_observed'] : []),
    ...(bandpass === 'oli' ? [scene.satellite === 'landsat' ? 'bandpass_is_oli' : 'bandpass_oli'] : []),
  ]
}
