import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { DATA } from '../../../bench/reference-table.js'
import type { AngleGrid } from '../../../src/domain/l1-scene.js'
import { S2_BANDS, type L1cBand, type S2Platform } from '../../../src/domain/sentinel2.js'
import { BandTable, surfaceOf } from '../../../src/processors/l2a/band-table.js'
import { L2A_BANDS } from '../../../src/domain/band-choice.js'
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

const tableOf = ({ platform, sun }: Angles, band: Angles['bands'][number]): BandTable =>
  new BandTable({
    ...{ model: shippedModel(), sensor: platform, band, sun, ozone: 300, aerosol: 'continental' },
    axes: { pressureHpa: [1013.25], aot: [0.2], wv: [2] },
  })

/** Surface reflectance for a reading of 0.15 at a place between nodes. */
function surfaceAt(table: BandTable, sun: AngleGrid, slot: number, column: number, row: number): number {
  const out = new Float64Array(3)
  table.column(slot, sun.ulx + column * sun.stepXM, sun.uly - row * sun.stepYM, 1013.25, 2, out)
  return surfaceOf(0.15, out[0]!, out[1]!, out[2]!)
}
/** The same at a node straight from the model. */
function modelAt(
  { platform, sun }: Angles,
  band: Angles['bands'][number],
  slot: number,
  node: number,
): number {
  const { angles } = band.detectors[slot]!
  const c = shippedModel().bandCoefficients({
    ...{
      platform,
      band: band.id,
      aot550: 0.2,
      wv: 2,
      ozone: 300,
      pressureHpa: 1013.25,
      aerosol: 'continental',
    },
    sunZenithDeg: sun.zenith[node]!,
    viewZenithDeg: angles.zenith[node]!,
    relativeAzimuthDeg: sun.azimuth[node]! - angles.azimuth[node]!,
  })
  return surfaceOf(0.15, c.gasPath, Math.log(c.gasTransmittance * c.transmittance), c.sphericalAlbedo)
}

test.skipIf(files.length === 0).each(files)(
  'coefficients of real metadata are finite, smooth over 5 km and different at detector borders: %s',
  async (name) => {
    const angles = await anglesOf(name)
    let midpoints = 0
    let worstMidpoint = 0
    const seams: number[] = []
    for (const band of angles.bands) {
      const table = tableOf(angles, band)
      const { sun } = angles
      const bandId = S2_BANDS.indexOf(band.id)
      const isValid = (detector: number, node: number) =>
        angles.valid.get(`${bandId} ${detector}`)?.[node] === true
      for (const [slot, { detector }] of band.detectors.entries())
        for (let node = 0; node < sun.rows * sun.cols; node++) {
          if (!isValid(detector, node)) continue
          const [col, row] = [node % sun.cols, Math.floor(node / sun.cols)]
          const value = surfaceAt(table, sun, slot, col, row)
          expect(Number.isFinite(value), band.id).toBe(true)
          // What the table makes of a node that it does not ask the model for, against the model there.
          if (col % 2 === 1 || row % 2 === 1) {
            worstMidpoint = Math.max(worstMidpoint, Math.abs(value - modelAt(angles, band, slot, node)))
            midpoints++
          }
          if (band.id === 'B02' && isValid(detector + 1, node) && table.slotOf[detector + 1] !== 255)
            seams.push(Math.abs(value - surfaceAt(table, sun, table.slotOf[detector + 1]!, col, row)))
        }
    }
    totalSeams += seams.length
    // Nodes 10 km apart miss what is between them by about 1e-5: far below 1e-4, the step of the product.
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
