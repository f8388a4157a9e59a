import { NO_AUXILIARY_AIR, type L1SceneBand } from '../src/domain/l1-scene.js'
import { findAtmosphere } from '../src/processors/l2a/find-atmosphere.js'
import type { ToaBand } from '../src/processors/l2a/toa-cells.js'
import { groupBy, shippedModel } from './accuracy-measures.js'
import type { SixsRow } from './reference-table.js'
import { GRID, levelAngles } from './uncertainty.js'

/** One state of 6S and what was found under it: AOT and g/cm2. */
export interface ClosedLoop {
  readonly row: SixsRow
  /** Largest deviation of a cell. */
  readonly aot: number
  readonly wv: number
}

const IDS = ['B01', 'B02', 'B03', 'B04', 'B8A', 'B09', 'B11', 'B12'] as const
type Ground = Readonly<Record<(typeof IDS)[number], number>>

/** Dark vegetation, red 0.02 to 0.05 and near infrared 0.2 to 0.5 in a pattern: blue is half of red and 0.005 more, red half of 2.2 um. */
function vegetation(cell: number): Ground {
  const red = 0.02 + (0.03 * ((cell * 7) % 11)) / 10
  const nir = 0.2 + (0.3 * ((cell * 5) % 13)) / 12
  return {
    ...{ B01: 0.45 * red + 0.005, B02: 0.5 * red + 0.005, B03: 1.6 * red, B04: red },
    ...{ B8A: nir, B09: nir, B11: 4 * red, B12: 2 * red },
  }
}

/** What the sensor sees of the ground by the terms of 6S. */
const seen = ({ toa, tgTotal, tDown, tUp, sphAlbedo }: SixsRow, rho: number): number =>
  toa[0] + (tgTotal * tDown * tUp * rho) / (1 - sphAlbedo * rho)

/** Air of Sentinel-2A seen from straight above. */
const isWanted = ({ input }: SixsRow): boolean =>
  input.platform === 'S2A' && input.viewZenithDeg === 0 && (IDS as readonly string[]).includes(input.band)

/**
 * Scenes of dark vegetation under the air of 6S, straight below the sensor; AOT and vapour are found in them by the method of the product, the kind of aerosol and ozone are given. Deterministic.
 */
export function closedLoops(rows: readonly SixsRow[]): ClosedLoop[] {
  const states = groupBy(rows.filter(isWanted), ({ input, altKm }) =>
    JSON.stringify({ ...input, band: '', altKm }),
  )
  return [...states.values()].flatMap((state) => {
    const [row] = state
    if (row === undefined || state.length < IDS.length) return []
    const { input } = row
    const cells = GRID.width * GRID.height
    const measured = state.map((one): [string, ToaBand] => [
      one.input.band,
      {
        rho: Float32Array.from({ length: cells }, (_, i) =>
          seen(one, vegetation(i)[one.input.band as keyof Ground]),
        ),
        isSaturated: new Uint8Array(cells),
        detectors: new Uint32Array(cells).fill(2),
      },
    ])
    const angles = levelAngles(input.viewZenithDeg, 0)
    const sun = levelAngles(input.sunZenithDeg, input.relativeAzimuthDeg)
    const bands = IDS.map((id) => ({
      id,
      detectors: [{ detector: 1, angles, validNodes: angles.zenith.length }],
    })) as unknown as L1SceneBand[]
    const { ozone, aerosol, pressureHpa } = input
    const { air } = findAtmosphere({
      ...{ model: shippedModel(), scene: { satellite: 's2', sensor: 'S2A', sun, bands } },
      ...{ cells: { grid: GRID, bands: new Map(measured) }, nodesHpa: [pressureHpa], state: null, day: 0 },
      pressureHpa: new Float32Array(cells).fill(pressureHpa),
      params: { aot: 'auto', wv: 'auto', ozone, aerosol, adjacency: false },
      ...{ auxiliary: NO_AUXILIARY_AIR, isCovered: new Uint8Array(cells) },
    })
    const farthest = (found: Float32Array, truth: number) =>
      found.reduce((most, value) => (Math.abs(value - truth) > Math.abs(most) ? value - truth : most), 0)
    return [{ row, aot: farthest(air.aot, row.aot550), wv: farthest(air.wv, input.wv) }]
  })
}
