import type { Grid } from '../../domain/grid.js'
import { CELL_BANDS, CELL_NO_DATA, type CellBand, type CellPlanes } from './cells.js'
import type { ChainState } from './chain-state.js'
import { hazeOverAll, testCells } from './cloud-tests.js'
import { dilate } from './fields.js'
import { storedCells } from './surface-cells.js'

/** Cells around a cloud that are left out when the atmosphere is looked for: its edges are thinner than what the tests see. */
const CLOUD_MARGIN = 1

export interface ClearGroundInput {
  readonly grid: Grid
  /** Reflectance of the ground under thin air (AOT 0.05), unit 1, by band; a band that is missing or has no data is NaN. */
  readonly thin: Readonly<Record<CellBand, Float32Array>>
  /** 1 where one of blue, red, near infrared is saturated. */
  readonly isSaturated: Uint8Array
  /** 1 where the product's own mask or an other one says cloud, shadow or snow. */
  readonly isCovered: Uint8Array
  readonly state: ChainState | null
  /** Days since 1970-01-01. */
  readonly day: number
}

export interface ClearGround {
  /** CELL_FLAGS. */
  readonly flags: Uint8Array
  /** 1 where land is seen: what the atmosphere can be found from. */
  readonly isUsable: Uint8Array
}

/** Tells clouds and snow of a date, and the land between them. Water is left out: its colour is its own, and glint adds to it. */
export function clearGround({
  grid,
  thin,
  isSaturated,
  isCovered,
  state,
  day,
}: ClearGroundInput): ClearGround {
  const planes: CellPlanes = {
    grid,
    bands: Object.fromEntries(
      CELL_BANDS.map((band) => [band, storedCells(thin[band])]),
    ) as CellPlanes['bands'],
  }
  const flags = testCells(planes, state, day, state === null ? 0 : hazeOverAll(planes, state))
  const covered = dilate(
    flags.map((flag, i) => (flag !== 0 || isCovered[i] === 1 || isSaturated[i] === 1 ? 1 : 0)),
    grid.width,
    grid.height,
    CLOUD_MARGIN,
  )
  const isUsable = covered.map((is, i) => {
    if (is === 1 || CELL_BANDS.some((band) => planes.bands[band][i] === CELL_NO_DATA)) return 0
    const [green, red, nir, swir] = [thin.green[i]!, thin.red[i]!, thin.nir[i]!, thin.swir16[i]!]
    const isWater = (nir - red < 0.01 * (nir + red) && red < 0.05) || (green > nir && swir < 0.05)
    return isWater ? 0 : 1
  })
  return { flags, isUsable }
}
