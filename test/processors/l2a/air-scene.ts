import type { BandCoefficients } from '../../../src/processors/l2a/atmosphere.js'
import type { Grid } from '../../../src/domain/grid.js'
import type { AngleGrid, L1Scene, L1SceneBand } from '../../../src/domain/l1-scene.js'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { SCALE_HEIGHT_M } from '../../../src/processors/l2a/nodes.js'
import { pressureAtAltitude } from '../../../src/processors/l2a/pressure.js'
import { surroundingsOf } from '../../../src/processors/l2a/surroundings.js'
import type { ToaBand, ToaCells } from '../../../src/processors/l2a/toa-cells.js'

/** Cells of 240 m under one direction of sun and view: what a scene measures over ground and under air that the test chooses. */
export const cellsGrid = (width: number, height = width): Grid => ({
  ...{ epsg: 32631, ulx: 300_000, uly: 4_900_080, pixelWidthM: 240, pixelHeightM: 240 },
  ...{ width, height },
})

const angles = (zenith: number, azimuth: number, width: number, height: number): AngleGrid => {
  const [cols, rows] = [Math.ceil((width * 240) / 5000) + 2, Math.ceil((height * 240) / 5000) + 2]
  return {
    ...{ ulx: 300_000, uly: 4_900_080, stepXM: 5000, stepYM: 5000, rows, cols },
    zenith: new Float64Array(rows * cols).fill(zenith),
    azimuth: new Float64Array(rows * cols).fill(azimuth),
  }
}

export interface Air {
  /** At sea level. */
  readonly aot: number
  /** g/cm2 at sea level. */
  readonly wv: number
  readonly aerosol?: string
}

export interface Look {
  readonly sunZenithDeg: number
  readonly viewZenithDeg: number
  readonly relativeAzimuthDeg: number
}
export const LOOK: Look = { sunZenithDeg: 40, viewZenithDeg: 5, relativeAzimuthDeg: 60 }

export const S2_IDS = ['B01', 'B02', 'B03', 'B04', 'B8A', 'B09', 'B11', 'B12'] as const
export type Ground = Readonly<Record<string, number>>

/** A Sentinel-2A or Landsat-8 scene: ground and air by cell. A band without a number (NaN) in a cell measured nothing there. */
export function sceneOf(
  grid: Grid,
  groundAt: (cell: number) => Ground,
  airAt: (cell: number) => Air,
  {
    look = LOOK,
    altitudeM = 0,
    satellite = 's2',
    ids = S2_IDS,
    ozone = 300,
    isLitFromBeside = false,
  }: {
    look?: typeof LOOK
    altitudeM?: number
    satellite?: 's2' | 'landsat'
    ids?: readonly string[]
    ozone?: number
    /** Whether light of the ground around is scattered into the line of sight. */
    isLitFromBeside?: boolean
  } = {},
): {
  readonly scene: Pick<L1Scene, 'satellite' | 'sensor' | 'sun' | 'bands'>
  readonly cells: ToaCells
  readonly pressureHpa: Float32Array
} {
  const count = grid.width * grid.height
  const hpa = pressureAtAltitude(altitudeM)
  const sun = angles(look.sunZenithDeg, look.relativeAzimuthDeg, grid.width, grid.height)
  const view = angles(look.viewZenithDeg, 0, grid.width, grid.height)
  const sensor = satellite === 's2' ? 'S2A' : 'L8'
  const bands = ids.map((id) => ({
    id,
    detectors: [{ detector: 1, angles: view, validNodes: view.zenith.length }],
  })) as unknown as L1SceneBand[]
  const measured = new Map<string, ToaBand>()
  const known = new Map<string, BandCoefficients>()
  for (const id of ids) {
    const own = Float32Array.from({ length: count }, (_, i) => groundAt(i)[id] ?? NaN)
    const around = isLitFromBeside ? surroundingsOf(own, grid) : null
    const rho = Float32Array.from({ length: count }, (_, i) => {
      const { aot, wv, aerosol = 'continental' } = airAt(i)
      const key = `${id} ${aot} ${wv} ${aerosol}`
      const c =
        known.get(key) ??
        shippedModel().bandCoefficients({
          ...{ platform: sensor, band: id, ...look, ozone, aerosol, wv, pressureHpa: hpa },
          aot550: aot * Math.exp(-altitudeM / SCALE_HEIGHT_M),
        })
      known.set(key, c)
      const e = around?.[i] ?? own[i]!
      // Straight from the cell, the rest from around it (Vermote et al. 1997, IEEE TGRS 35(3), eq. 2).
      const straight = c.directUp / c.transmittanceUp
      const leaving = straight * own[i]! + (1 - straight) * e
      return c.gasPath + (c.gasTransmittance * c.transmittance * leaving) / (1 - c.sphericalAlbedo * e)
    })
    const isNone = rho.map((v) => (Number.isNaN(v) ? 1 : 0))
    measured.set(id, {
      rho,
      isSaturated: new Uint8Array(count),
      detectors: Uint32Array.from(isNone, (none) => (none === 1 ? 0 : 2)),
    })
  }
  return {
    scene: { satellite, sensor, sun, bands },
    cells: { grid, bands: measured },
    pressureHpa: new Float32Array(count).fill(hpa),
  }
}

/** Dark vegetation of some brightness: blue is half of red and 0.005 more, red half of 2.2 um. */
export const vegetation = (red: number, nir = 0.3): Ground => ({
  ...{
    B01: 0.45 * red + 0.005,
    B02: 0.5 * red + 0.005,
    B03: 1.6 * red,
    B04: red,
    B8A: nir,
    B09: nir,
    B11: 4 * red,
    B12: 2 * red,
  },
  // Landsat's names of the last three.
  ...{ B05: nir, B06: 4 * red, B07: 2 * red },
})
