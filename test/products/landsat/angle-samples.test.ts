import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { describe, expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import { trackDirection } from '../../../src/domain/landsat-orbit.js'
import { anglesFromBands } from '../../../src/products/landsat/angle-bands.js'
import { gridsFromSamples, sunOf, type AngleSample } from '../../../src/products/landsat/angle-samples.js'
import { temporaryFolder } from '../../support/cli.js'

const DEGREE = Math.PI / 180
const LAT = 43
const TRACK = trackDirection(LAT)
/** 0.54 degrees to each side of the perpendicular of the track. */
const HALF = Math.tan(0.54 * DEGREE)
/** View vectors of a crop in the west of a scene: 0.08 degrees a kilometre across the track, the rows of chips 1.08 degrees apart along it. */
const truth = (x: number, y: number, chipRow: number): readonly [number, number] => {
  const across = Math.tan(5 * DEGREE) - ((x * TRACK[1] + y * TRACK[0]) / 1000) * 0.08 * DEGREE
  const along = chipRow === 1 ? HALF : -HALF
  return [across * TRACK[1] + along * TRACK[0], -across * TRACK[0] + along * TRACK[1]]
}
const gridOf = (width: number, height: number): Grid => ({
  ...{ epsg: 32631, ulx: 300000, uly: 4800000, pixelWidthM: 30, pixelHeightM: 30 },
  ...{ width, height },
})
const zenithOf = ([east, north]: readonly [number, number]) => Math.atan(Math.hypot(east, north)) / DEGREE
const azimuthOf = ([east, north]: readonly [number, number]) => Math.atan2(east, north) / DEGREE
/** As the bands hold it: hundredths of degrees. */
const rounded = (view: readonly [number, number]): readonly [number, number] => {
  const z = Math.round(zenithOf(view) * 100) / 100
  const a = Math.round(azimuthOf(view) * 100) / 100
  return [Math.tan(z * DEGREE) * Math.sin(a * DEGREE), Math.tan(z * DEGREE) * Math.cos(a * DEGREE)]
}
const sampleAt = (x: number, y: number, chipRow: number, view = truth(x, y, chipRow)): AngleSample => ({
  ...{ x, y, chipRow },
  sun: sunOf(40, 150),
  view: rounded(view),
})
/** A crop of row 1, `width` x `height` pixels, every tenth of them sampled. */
const cropOfRow1 = (width: number, height: number): AngleSample[] => {
  const samples: AngleSample[] = []
  for (let j = 0; j < height; j += 10)
    for (let i = 0; i < width; i += 10) samples.push(sampleAt(i * 30, j * 30, 1))
  return samples
}
/** Largest distance of the view from the truth at the nodes of a grid, degrees. */
function farthest({ detectors }: ReturnType<typeof gridsFromSamples>, chipRow: number): number {
  const angles = detectors.find(({ detector }) => detector === chipRow)?.angles
  if (angles === undefined) return NaN
  return Math.max(
    ...Array.from(angles.zenith, (zenith, i) => {
      const [x, y] = [(i % angles.cols) * 5000, Math.floor(i / angles.cols) * 5000]
      const [t, a] = [Math.tan(zenith * DEGREE), (angles.azimuth[i] ?? NaN) * DEGREE]
      const [east, north] = truth(x, y, chipRow)
      return Math.hypot(t * Math.sin(a) - east, t * Math.cos(a) - north) / DEGREE
    }),
  )
}

describe('a row of chips with few samples', () => {
  const image = gridOf(1000, 1000)

  test('in a corner takes the slopes of the other one', () => {
    const corner: AngleSample[] = []
    // Three samples in ten are blended with the other row by the resampling.
    for (let k = 0; k < 30; k++) {
      const [x, y] = [30 * (k % 6), 30 * Math.floor(k / 6)]
      const [e1, n1] = truth(x, y, 1)
      const [e2, n2] = truth(x, y, 2)
      const share = k % 10 < 3 ? 0.4 : 0
      corner.push(sampleAt(x, y, 2, [e2 + share * (e1 - e2), n2 + share * (n1 - n2)]))
    }
    const grids = gridsFromSamples([...cropOfRow1(1000, 1000), ...corner], image, 'X_VZA.TIF')
    expect(farthest(grids, 1)).toBeLessThan(0.03)
    expect(farthest(grids, 2)).toBeLessThan(0.03)
  })

  test('of which there is hardly one has no angles', () => {
    const odd = [sampleAt(0, 0, 2), sampleAt(30, 0, 2, [0.4, -0.3])]
    const grids = gridsFromSamples([...cropOfRow1(1000, 1000), ...odd], image, 'X_VZA.TIF')
    expect(grids.detectors.map(({ detector }) => detector)).toEqual([1])
    expect(farthest(grids, 1)).toBeLessThan(0.03)
  })
})

test('a crop of a few pixels has level angles where its samples make no plane', () => {
  const views: readonly [number, number][] = [
    [0.08, 0.01],
    [0.0801, 0.0099],
    [0.02, -0.06],
  ]
  const samples = views.map((view, i) => sampleAt(30 * (i % 2), 30 * Math.floor(i / 2), 1, view))
  const [detector] = gridsFromSamples(samples, gridOf(2, 2), 'X_VZA.TIF').detectors
  for (const zenith of detector?.angles.zenith ?? [NaN]) expect(zenith).toBeLessThan(6)
})

test('angles of a scene that change as no real ones do are refused by name', () => {
  const samples = cropOfRow1(1000, 1000).map((s) => ({ ...s, view: [s.x * 5e-5, 0] as const }))
  expect(() => gridsFromSamples(samples, gridOf(1000, 1000), 'X_VZA.TIF')).toThrow(
    /'X_VZA\.TIF' change by 2\.86 degrees in a kilometre, expected at most 0\.2/,
  )
})

describe('a crop that only one row of chips saw', () => {
  const folder = temporaryFolder('angle crops')
  const image = gridOf(40, 40)
  /** Angle bands of a crop; east of `seen` columns the satellite saw nothing, and all four are 0. */
  function bands(name: string, rowAt: (i: number, j: number) => number, seen = image.width) {
    mkdirSync(join(folder, name))
    const write = (band: string, valueAt: (i: number, j: number) => number): string => {
      const path = join(folder, name, `${band}.TIF`)
      const dataset = gdal.open(path, 'w', 'GTiff', image.width, image.height, 1, gdal.GDT_Int16)
      const pixels = Int16Array.from({ length: image.width * image.height }, (_, p) => {
        const [i, j] = [p % image.width, Math.floor(p / image.width)]
        return i < seen ? Math.round(100 * valueAt(i, j)) : 0
      })
      dataset.bands.get(1).pixels.write(0, 0, image.width, image.height, pixels)
      dataset.close()
      return path
    }
    const view = (i: number, j: number) => truth(30 * (i + 0.5), 30 * (j + 0.5), rowAt(i, j))
    return {
      kind: 'bands' as const,
      sunZenith: write('SZA', () => 40),
      sunAzimuth: write('SAA', () => 150),
      viewZenith: write('VZA', (i, j) => zenithOf(view(i, j))),
      viewAzimuth: write('VAA', (i, j) => azimuthOf(view(i, j))),
    }
  }
  const mapOf = async (source: ReturnType<typeof bands>) => {
    const angles = await anglesFromBands(source, image, LAT)
    const map = await angles.openDetectors()
    const out = new Uint8Array(image.width * image.height)
    await map.read({ x: 0, y: 0, width: image.width, height: image.height }, out)
    map.close()
    return { angles, rows: new Set(out) }
  }

  test.each([1, 2])('is of that row alone, also where it has no angles: row %i', async (row) => {
    const { angles, rows } = await mapOf(bands(`row ${row}`, () => row, 30))
    expect(rows).toEqual(new Set([row]))
    expect(angles.detectors.map(({ detector }) => detector)).toEqual([row])
    expect(farthest(angles, row)).toBeLessThan(0.1)
  })

  test('and a pixel or two of the other belong to it as well: none is without angles', async () => {
    const { angles, rows } = await mapOf(bands('one pixel', (i, j) => (i === 0 && j < 2 ? 1 : 2)))
    expect(angles.detectors.map(({ detector }) => detector)).toEqual([2])
    expect(rows).toEqual(new Set([2]))
  })

  test('while both are told apart where both have angles', async () => {
    const { angles, rows } = await mapOf(bands('both', (i) => (i < 20 ? 1 : 2)))
    expect(angles.detectors.map(({ detector }) => detector)).toEqual([1, 2])
    expect(rows).toEqual(new Set([1, 2]))
    expect(Math.max(farthest(angles, 1), farthest(angles, 2))).toBeLessThan(0.1)
  })
})
