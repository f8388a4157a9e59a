import type { BandNoise, L1SceneBand } from '../../domain/l1-scene.js'
import { airErrorsOf, type AirErrors } from '../../processors/l2a/air-errors.js'
import { aotAxis, fewPressures, vapourAxis } from '../../processors/l2a/axes.js'
import { BandTable } from '../../processors/l2a/band-table.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import type { FoundAtmosphere } from '../../processors/l2a/found-atmosphere.js'
import { shippedNoise } from '../../processors/l2a/noise.js'
import { centresOfNodes } from '../../processors/l2a/nodes.js'
import { ADJACENCY_LEFT, buildVariancePlanes, type VariancePlanes } from '../../processors/l2a/uncertainty.js'
import type { UncertaintyReport } from '../../products/report.js'
import { atmosphereOf } from '../rt/atmosphere-table.js'
import type { DecideOptions } from './decide-atmosphere.js'
import { pressureOnCells } from './elevation.js'
import { convergenceOf } from './terrain.js'

/** Angles are asked every 20 km here: an error of a hundredth of a standard deviation is none. */
const STRIDE = 4

/** How far off the atmosphere of a scene may be. */
export interface UncertaintyPlan extends AirErrors {
  /** By band, as the product states it; null: what is shipped holds. */
  readonly noise: ReadonlyMap<string, BandNoise> | null
  readonly pressureHpa: Float32Array
}

type Seen = Pick<DecideOptions, 'scene' | 'toa' | 'pressure'>

/** Null where no uncertainty was asked for. */
export async function prepareUncertainty(
  { scene, toa, pressure }: Seen,
  found: FoundAtmosphere,
  { uncertainty }: Pick<L2aParams, 'uncertainty'>,
): Promise<UncertaintyPlan | null> {
  if (!uncertainty) return null
  return {
    ...airErrorsOf(found),
    noise: await scene.readNoise(),
    pressureHpa: centresOfNodes(pressureOnCells(pressure, toa.grid), toa.grid),
  }
}

/** Variance of one band for the second pass. @param around reflectance around each cell; null: not known. */
export function variancePlanesOf(
  { scene, toa, pressure }: Seen,
  { nodes, ozone, aerosol }: FoundAtmosphere,
  plan: UncertaintyPlan,
  { adjacency, isSloping }: Pick<L2aParams, 'adjacency'> & { readonly isSloping: boolean },
  band: L1SceneBand,
  around: Float32Array | null,
): VariancePlanes {
  const { sensor, sun } = scene
  const { others, noise, pressureHpa } = plan
  const pressures = fewPressures(pressure.nodesHpa)
  const reach = (values: Float32Array, sigmas: Float32Array) =>
    Float32Array.of(
      values.reduce((least, v, i) => Math.min(least, Math.max(0, v - (sigmas[i] ?? 0))), Infinity),
      values.reduce((most, v, i) => Math.max(most, v + (sigmas[i] ?? 0)), 0),
    )
  const [thin = 0, thick = 0] = reach(nodes.aot, plan.sigmaAot)
  const wv = vapourAxis(reach(nodes.wv, plan.sigmaWv))
  // At sea level, the lowest ground at most 600 m below it: a third more.
  const most = thick * (nodes.aotIs === 'ground' ? 1 : 1.35)
  const least = nodes.aotIs === 'ground' ? thin : 0
  const tableOf = (model: string, ratio: number) =>
    new BandTable({
      ...{ model: atmosphereOf(scene), sensor, band, sun, ozone, aerosol: model },
      axes: { pressureHpa: pressures, aot: aotAxis(least * ratio, most * ratio), wv },
      ...{ withLegs: true, stride: STRIDE },
    })
  return buildVariancePlanes({
    ...{ nodes, sun, pressureHpa, sigmaAot: plan.sigmaAot, sigmaWv: plan.sigmaWv },
    ...{ cells: toa.grid, detectors: toa.bands.get(band.id)?.detectors ?? new Uint32Array(0) },
    table: tableOf(aerosol, 1),
    others: others.map(({ model, ...other }) => ({ table: tableOf(model, other.aotRatio), ...other })),
    noise: noise?.get(band.id) ?? shippedNoise(sensor, band.id),
    around: around && centresOfNodes(around, toa.grid),
    isAdjacencyCorrected: adjacency,
    slopedBy: isSloping ? { convergenceDeg: convergenceOf(toa.grid) } : null,
  })
}

/** What the report says of it. */
export function uncertaintyReportOf(
  plan: UncertaintyPlan,
  { adjacency }: Pick<L2aParams, 'adjacency'>,
): UncertaintyReport {
  const field = (values: Float32Array) => {
    const round = (value: number) => Math.round(value * 1e4) / 1e4
    return {
      min: round(values.reduce((least, v) => Math.min(least, v), Infinity)),
      mean: round(values.reduce((sum, v) => sum + v, 0) / values.length),
      max: round(values.reduce((most, v) => Math.max(most, v), 0)),
    }
  }
  return {
    aot: field(plan.sigmaAot),
    wv: field(plan.sigmaWv),
    other_aerosols: plan.others.map(({ model, aotRatio, weight }) => ({
      ...{ model, weight },
      aot_ratio: Math.round(aotRatio * 1e3) / 1e3,
    })),
    noise: plan.noise === null ? 'shipped' : 'product',
    adjacency_left: adjacency ? ADJACENCY_LEFT : 1,
  }
}
