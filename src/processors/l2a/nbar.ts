import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import type { NodeFactors } from '../../kernels/scale-by-nodes.js'
import { lineToOli } from './bandpass.js'
import { BRDF_WEIGHTS, nadirFactor } from './brdf.js'
import type { L2aParams } from './definition.js'
import { overpassSunZenith } from './overpass-sun.js'

/** Where weights and lines come from, in one line. */
export const NBAR_SOURCE =
  'Roy et al. 2016, RSE 176, 255-271; Roy et al. 2017, RSE 199, 25-38; sun after Li et al. 2019, IEEE TGRS 57(6), 3591-3598'
export const BANDPASS_SOURCE = 'HLS v2.0 user guide, table 5; Claverie et al. 2018, RSE 219, 145-161'

/** The sun that a scene is normalised to, on the nodes of its own grid of angles, and whether bands are carried over to OLI. */
export interface NbarPlan {
  /** Degrees. */
  readonly sunZenith: Float64Array
  /** Nodes so near a pole that no satellite passes overhead: they keep the sun that was observed. */
  readonly observedNodes: number
  readonly bandpass: L2aParams['bandpass']
}

/** @param lonLat of the nodes of the sun's angles, degrees, row-major. */
export function planNbar(
  { sensedAt, sun }: Pick<L1Scene, 'sensedAt' | 'sun'>,
  lonLat: readonly (readonly [number, number])[],
  bandpass: L2aParams['bandpass'],
): NbarPlan {
  const at = Date.parse(sensedAt)
  let observedNodes = 0
  const sunZenith = sun.zenith.map((observed, node) => {
    const [lon, lat] = lonLat[node] ?? [NaN, NaN]
    const wanted = overpassSunZenith(at, lon, lat)
    if (wanted === null) observedNodes++
    return wanted ?? observed
  })
  return { sunZenith, observedNodes, bandpass }
}

/** What a band is multiplied with, by detector, laid over its image; stored reflectance is x 10000. Throws INTERNAL for a band that has no weights. */
export function nbarFactorsOf(
  { satellite, platform, sun }: Pick<L1Scene, 'satellite' | 'platform' | 'sun'>,
  band: L1SceneBand,
  { sunZenith, bandpass }: NbarPlan,
): NodeFactors {
  const weights = BRDF_WEIGHTS[satellite][band.id]
  if (weights === undefined)
    throw new ProcessingError('INTERNAL', `Band ${band.id} has no weights of a BRDF: it is not delivered.`)
  const { rows, cols, ulx, uly, stepXM, stepYM } = sun
  const nodes = rows * cols
  const slots = new Uint8Array(256).fill(255)
  const factors = new Float64Array(band.detectors.length * nodes)
  for (const [slot, { detector, angles }] of band.detectors.entries()) {
    slots[detector] = slot
    for (let node = 0; node < nodes; node++)
      factors[slot * nodes + node] = nadirFactor(weights, geometryAt(sun, angles, node), sunZenith[node]!)
  }
  const { grid } = band
  const toOli = bandpass === 'oli' ? lineToOli(platform, band.id) : null
  return {
    ...{ slots, rows, columns: cols, factors },
    axes: {
      x0: (grid.ulx + grid.pixelWidthM / 2 - ulx) / stepXM,
      dx: grid.pixelWidthM / stepXM,
      y0: (uly - grid.uly + grid.pixelHeightM / 2) / stepYM,
      dy: grid.pixelHeightM / stepYM,
    },
    slope: toOli?.slope ?? 1,
    offset: 10_000 * (toOli?.offset ?? 0),
  }
}

/** Azimuths of both grids are clockwise from the same north: only their difference counts. */
const geometryAt = (sun: AngleGrid, view: AngleGrid, node: number) => ({
  sunZenith: sun.zenith[node]!,
  viewZenith: view.zenith[node]!,
  azimuth: view.azimuth[node]! - sun.azimuth[node]!,
})
