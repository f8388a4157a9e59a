import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DATA } from '../../../bench/reference-table.js'
import type { AngleGrid } from '../../../src/domain/l1-scene.js'
import { S2_BANDS, type L1cBand, type S2Platform } from '../../../src/domain/sentinel2.js'
import {
  buildCoefficientPlanes,
  type CoefficientPlanes,
} from '../../../src/processors/l2a/coefficient-planes.js'
import { L2A_BANDS } from '../../../src/processors/l2a/definition.js'
import { fillByPlane, readRawAngles, readViewAngles } from '../../../src/products/sentinel2/angle-grids.js'
import { readXml } from '../../../src/products/sentinel2/parse-xml.js'

const folder = join(DATA, 's2-metadata')
const files = existsSync(folder)
  ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('MTD_TL.xml'))
      .sort()
  : []

let totalSeams = 0

interface Angles {
  readonly platform: S2Platform
  readonly sun: AngleGrid
  /** Nodes that the XML gives a value, by band and detector. */
  readonly valid: ReadonlyMap<string, boolean[]>
  readonly bands: readonly Pick<L1cBand, 'id' | 'detectors'>[]
}

async function anglesOf(name: string): Promise<Angles> {
  const path = join(folder, name)
  const tile = (await readXml(path)).find('Geometric_Info/Tile_Angles')!
  const sun = fillByPlane(readRawAngles(tile.find('Sun_Angles_Grid')!, 'sun', path), 0, 0)
  const view = readViewAngles(tile, 0, 0, path, [])
  const valid = new Map(
    tile
      .findAll('Viewing_Incidence_Angles_Grids')
      .map((element) => [
        `${element.attribute('bandId')} ${element.attribute('detectorId')}`,
        Array.from(readRawAngles(element, 'view', path).zenith, (z) => !Number.isNaN(z)),
      ]),
  )
  const bands = L2A_BANDS.map((id) => ({ id, detectors: view.get(S2_BANDS.indexOf(id))! }))
  return { platform: /S2([ABC])_/.exec(name)![0].slice(0, 3) as S2Platform, sun, valid, bands }
}

const planesOf = ({ platform, sun }: Angles, band: Angles['bands'][number]): CoefficientPlanes =>
  buildCoefficientPlanes({
    band,
    sun,
    sunCosine: 'applied',
    sensor: platform,
    params: { aot: 0.2, wv: 2, ozone: 300, aerosol: 'continental' },
    pressureNodesHpa: [1013.25],
  })

/** Surface reflectance for a reading of 0.15 under the coefficients at offsets with weights. */
function surfaceOf(planes: CoefficientPlanes, slot: number, nodes: readonly number[]): number {
  const mean = (k: number) =>
    nodes.reduce((sum, node) => sum + planes.data[(slot * planes.ny * planes.nx + node) * 3 + k]!, 0) /
    nodes.length
  const y = mean(0) * 0.15 - mean(1)
  return y / (1 + mean(2) * y)
}

test.skipIf(files.length === 0).each(files)(
  'coefficients of real metadata are finite, smooth over 5 km and different at detector borders: %s',
  async (name) => {
    const angles = await anglesOf(name)
    let midpoints = 0
    let worstMidpoint = 0
    const seams: number[] = []
    for (const band of angles.bands) {
      const planes = planesOf(angles, band)
      expect(
        planes.data.every((value) => Number.isFinite(value) && value >= 0),
        band.id,
      ).toBe(true)
      const bandId = S2_BANDS.indexOf(band.id)
      const isValid = (detector: number, node: number) =>
        angles.valid.get(`${bandId} ${detector}`)?.[node] === true
      for (const [slot, { detector }] of band.detectors.entries())
        for (let node = 0; node < planes.nx * planes.ny; node++) {
          if (!isValid(detector, node)) continue
          // The value at a node against the mean of its neighbours 5 km left and right: four times what 5 km cells miss in their middle.
          const col = node % planes.nx
          if (col > 0 && col < planes.nx - 1 && isValid(detector, node - 1) && isValid(detector, node + 1)) {
            worstMidpoint = Math.max(
              worstMidpoint,
              Math.abs(surfaceOf(planes, slot, [node - 1, node + 1]) - surfaceOf(planes, slot, [node])),
            )
            midpoints++
          }
          if (band.id === 'B02' && isValid(detector + 1, node) && planes.slots[detector + 1] !== 255)
            seams.push(
              Math.abs(
                surfaceOf(planes, slot, [node]) - surfaceOf(planes, planes.slots[detector + 1]!, [node]),
              ),
            )
        }
    }
    totalSeams += seams.length
    // Neighbours 10 km apart miss the middle by 6e-6 at most; 5 km cells by a quarter of that: far below 1e-4, the step of the product.
    expect(midpoints).toBeGreaterThan(50)
    expect(worstMidpoint).toBeLessThan(2e-5)
    // Two detectors that both see a node differ by 0.0003 to 0.0006 in the blue: several steps of the product, a visible stripe.
    for (const seam of seams) {
      expect(seam).toBeGreaterThan(1e-4)
      expect(seam).toBeLessThan(2e-3)
    }
  },
)

test.skipIf(files.length === 0)('some of the real tiles have seams to look at', () => {
  expect(files.length).toBeGreaterThanOrEqual(3)
  expect(totalSeams).toBeGreaterThan(30)
})
