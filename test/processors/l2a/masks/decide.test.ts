import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideMasks } from '../../../../src/processors/l2a/masks/decide-masks.js'
import { MASK_BANDS } from '../../../../src/processors/l2a/masks/mask-cells.js'
import {
  CLOUD,
  countOf,
  CROPS,
  everywhere,
  gridOf,
  has,
  inputOf,
  sceneOf,
  SHADED,
  SNOW,
  WATER,
  type Spectrum,
} from './scenes.js'

/** What bit 0 stands for before it is dilated. */
const FOUND = ['cloud', 'thin', 'shadowInside', 'shadowOutside'] as const

/** Ground with a round cloud of 600 m at (x, y) and its shadow, `heightM` high, as sun and sight throw it. */
function cloudyScene(heightM: number, sunDeg: readonly [number, number], viewDeg: readonly [number, number]) {
  const grid = gridOf(160)
  const [sun, view] = [everywhere(grid, ...sunDeg), everywhere(grid, ...viewDeg)]
  const [dx, dy] = [
    (heightM * (view.east[0]! - sun.east[0]!)) / 60,
    (-heightM * (view.north[0]! - sun.north[0]!)) / 60,
  ]
  // The cloud so that both lie within the image.
  const [cx, cy] = [80 - dx / 2, 80 - dy / 2]
  const cells = sceneOf(grid, (x, y) => {
    const texture = 1 + 0.06 * Math.sin(x * 1.7 + y * 2.3)
    const lit = Math.hypot(x - cx, y - cy) < 10
    const shaded = Math.hypot(x - cx - dx, y - cy - dy) < 10
    return lit ? CLOUD : ((shaded ? SHADED : CROPS).map((v) => v * texture) as unknown as Spectrum)
  })
  return { grid, cells, sky: { sun, view }, centre: [cx, cy] as const, shift: [dx, dy] as const }
}

describe('a cloud and its shadow', () => {
  test('are found at any height, sun and sight, the height within 250 m or what moves the shadow by two cells and a half, the shadow within 120 m', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1200, max: 4500 }),
        fc.tuple(fc.integer({ min: 25, max: 65 }), fc.integer({ min: 0, max: 359 })),
        fc.tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 359 })),
        (heightM, sunDeg, viewDeg) => {
          const { cells, sky, shift, centre } = cloudyScene(heightM, sunDeg, viewDeg)
          // Farther apart than they are wide, so that all of the shadow can be seen, and within the image.
          fc.pre(Math.hypot(...shift) > 22 && Math.max(...shift.map(Math.abs)) < 120)
          const { bits, heights } = decideMasks(inputOf(cells, { sky }))
          expect(heights).toHaveLength(1)
          expect(heights[0]!.isFound).toBe(true)
          // Under a high sun, seen from its side, a shadow hardly moves with the height of its cloud.
          const cellsM = (2.5 * heightM) / Math.hypot(...shift)
          expect(Math.abs(heights[0]!.altitudeM - heightM)).toBeLessThanOrEqual(Math.max(250, cellsM))
          let [n, sx, sy] = [0, 0, 0]
          bits.forEach((mask, i) => {
            if (!has(mask, 'shadowInside')) return
            n++
            sx += i % 160
            sy += Math.floor(i / 160)
          })
          expect(n).toBeGreaterThan(0.85 * Math.PI * 100)
          expect(60 * Math.hypot(sx / n - centre[0] - shift[0], sy / n - centre[1] - shift[1])).toBeLessThan(
            120,
          )
        },
      ),
      { numRuns: 25 },
    )
  })

  /** Sheets of cloud, [from, to) columns wide, each at its altitude over level ground; sun 35 degrees from the zenith in the south-east. */
  function sheets(
    [side, top, bottom]: readonly [number, number, number],
    decks: readonly { readonly from: number; readonly to: number; readonly altitudeM: number }[],
  ) {
    const grid = gridOf(side)
    const sky = { sun: everywhere(grid, 35, 150), view: everywhere(grid, 0, 0) }
    const isCovered = (x: number, y: number, altitudeM: number, { from, to }: (typeof decks)[number]) => {
      const [cx, cy] = [x + (altitudeM * sky.sun.east[0]!) / 60, y - (altitudeM * sky.sun.north[0]!) / 60]
      return cx >= from && cx < to && cy >= top && cy < bottom
    }
    const isCloud = (x: number, y: number) => decks.some((deck) => isCovered(x, y, 0, deck))
    const shadeOf = (x: number, y: number) =>
      decks.findIndex((deck) => !isCloud(x, y) && isCovered(x, y, deck.altitudeM, deck))
    const cells = sceneOf(grid, (x, y) => {
      const texture = 1 + 0.06 * Math.sin(x * 1.7 + y * 2.3)
      const spectrum = isCloud(x, y) ? CLOUD : shadeOf(x, y) === -1 ? CROPS : SHADED
      return spectrum.map((v) => v * texture) as unknown as Spectrum
    })
    const { bits, heights } = decideMasks(inputOf(cells, { sky }))
    const found = decks.map((_, n) => {
      const shade = [...bits.keys()].filter((i) => shadeOf(i % side, Math.floor(i / side)) === n)
      return shade.filter((i) => has(bits[i]!, 'shadowInside')).length / shade.length
    })
    const wrong = bits.reduce(
      (n, mask, i) =>
        n + (has(mask, 'shadowInside') && shadeOf(i % side, Math.floor(i / side)) === -1 ? 1 : 0),
      0,
    )
    return { found, wrong: wrong / countOf(bits, 'shadowInside'), heights }
  }

  test('of a sheet whose shadow lies nearly all below itself, its edge tells the altitude and what it throws', () => {
    // Of 300 x 250 cells 3 columns and 5 rows of shadow can be seen, a fortieth.
    const { found, wrong, heights } = sheets([420, 120, 370], [{ from: 60, to: 360, altitudeM: 500 }])
    const altitudes = heights.filter(({ isFound }) => isFound).map(({ altitudeM }) => altitudeM)
    expect(altitudes.length).toBeGreaterThan(10)
    // Pieces deep in the sheet may take the shadow of its edge for their own.
    const median = altitudes.sort((a, b) => a - b)[altitudes.length >> 1]!
    expect(Math.abs(median - 500)).toBeLessThanOrEqual(250)
    expect(found[0]).toBeGreaterThan(0.9)
    // A cloud may be 500 m thicker than its found altitude says: 6 rows at most.
    expect(wrong).toBeLessThan(0.25)
  })

  test('two sheets at different altitudes that touch are one object and throw two shadows', () => {
    const { found, wrong, heights } = sheets(
      [220, 90, 150],
      [
        { from: 50, to: 120, altitudeM: 1000 },
        { from: 120, to: 190, altitudeM: 3000 },
      ],
    )
    for (const share of found) expect(share).toBeGreaterThan(0.8)
    expect(wrong).toBeLessThan(0.25)
    const altitudes = heights.filter(({ isFound }) => isFound).map(({ altitudeM }) => altitudeM)
    for (const altitude of [1000, 3000])
      expect(
        altitudes.some((m) => Math.abs(m - altitude) <= 250),
        `${altitude} m`,
      ).toBe(true)
  })

  test('bits before the dilation are the same for any dilation, and bit 0 never shrinks with it', () => {
    const { cells, sky } = cloudyScene(1500, [35, 150], [3, 100])
    let before: Uint16Array | null = null
    for (const dilationM of [0, 30, 60, 120, 500]) {
      const { bits } = decideMasks(inputOf(cells, { sky, dilationM }))
      before?.forEach((mask, i) => {
        expect(bits[i]! & ~1).toBe(mask & ~1)
        expect(bits[i]! & 1).toBeGreaterThanOrEqual(mask & 1)
      })
      if (dilationM === 0)
        bits.forEach((mask) => {
          expect(has(mask, 'cloudOrShadow')).toBe(FOUND.some((name) => has(mask, name)))
        })
      before = bits
    }
  })

  test('a shadow whose cloud would stand beyond the image is of a cloud outside', () => {
    // Sun in the south-east: shadows fall to the north-west, so this cloud is south-east of the lower right corner.
    const grid = gridOf(100)
    const cells = sceneOf(grid, (x, y) => (Math.hypot(x - 92, y - 92) < 6 ? SHADED : CROPS))
    const { bits } = decideMasks(inputOf(cells))
    expect(countOf(bits, 'shadowInside')).toBe(0)
    expect(has(bits[92 * 100 + 92]!, 'shadowOutside')).toBe(true)
    // The same patch where no cloud of any height can be beyond the border.
    const middle = sceneOf(gridOf(400), (x, y) => (Math.hypot(x - 150, y - 150) < 6 ? SHADED : CROPS))
    const found = decideMasks(inputOf(middle)).bits
    expect(found.every((mask) => mask === 0)).toBe(true)
  })

  test('dark water is no shadow', () => {
    const { cells, sky, centre, shift } = cloudyScene(1500, [40, 150], [0, 0])
    const at = Math.round(centre[1] + shift[1]) * 160 + Math.round(centre[0] + shift[0])
    for (const [k, band] of MASK_BANDS.entries())
      for (let i = -2; i < 3; i++) cells.bands[band][at + i] = WATER[k]!
    const { bits } = decideMasks(inputOf(cells, { sky }))
    expect(has(bits[at]!, 'water')).toBe(true)
    expect(has(bits[at]!, 'shadowInside')).toBe(false)
    expect(has(bits[at - 4]!, 'shadowInside')).toBe(true)
  })
})

describe('scenes of one thing', () => {
  const grid = gridOf(40)
  test.each([
    ['clouds', CLOUD, 'cloud', ['snow', 'water', 'shadowInside', 'shadowOutside']],
    ['water', WATER, 'water', ['cloud', 'cloudOrShadow', 'snow', 'shadowInside', 'shadowOutside']],
    ['snow', SNOW, 'snow', ['cloud', 'cloudOrShadow', 'water', 'shadowInside', 'shadowOutside']],
  ] as const)('all %s', (_, spectrum, bit, others) => {
    const { bits } = decideMasks(inputOf(sceneOf(grid, () => spectrum)))
    expect(countOf(bits, bit)).toBe(1600)
    for (const other of others) expect(countOf(bits, other), other).toBe(0)
  })

  test('snow that saturates the visible bands is snow, a cloud that does is cloud', () => {
    for (const [spectrum, bit] of [
      [SNOW, 'snow'],
      [CLOUD, 'cloud'],
    ] as const) {
      const cells = sceneOf(grid, () => [6.5, 6.5, 6.5, spectrum[3], spectrum[4], spectrum[5]])
      const { bits } = decideMasks(inputOf({ ...cells, isSaturated: new Uint8Array(1600).fill(1) }))
      expect(countOf(bits, bit)).toBe(1600)
    }
  })

  test('no data at all: no bit', () => {
    expect(decideMasks(inputOf(sceneOf(grid, () => null))).bits.every((mask) => mask === 0)).toBe(true)
  })

  test('clear ground: no bit', () => {
    expect(decideMasks(inputOf(sceneOf(grid, () => CROPS))).bits.every((mask) => mask === 0)).toBe(true)
  })

  test('one valid corner of cloud: its cells, and nothing beyond them', () => {
    const { bits } = decideMasks(inputOf(sceneOf(grid, (x, y) => (x < 5 && y < 5 ? CLOUD : null))))
    bits.forEach((mask, i) => {
      expect(has(mask, 'cloud')).toBe(i % 40 < 5 && i < 200)
      if (!(i % 40 < 5 && i < 200)) expect(mask).toBe(0)
    })
  })

  test('a sun 80 degrees from the zenith, and one in the zenith, end without a fault', () => {
    for (const zenith of [0, 80]) {
      const cells = sceneOf(gridOf(60), (x, y) => (Math.hypot(x - 30, y - 30) < 6 ? CLOUD : CROPS))
      const { bits } = decideMasks(
        inputOf(cells, {
          sky: { sun: everywhere(cells.grid, zenith, 120), view: everywhere(cells.grid, 4, 100) },
        }),
      )
      expect(countOf(bits, 'cloud')).toBeGreaterThan(90)
    }
  })
})

test('any scene: the same bits again, none without data, cloud never snow, water or shadow', () => {
  const spectra = [CROPS, CLOUD, SNOW, WATER, SHADED, null] as const
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 36, maxLength: 36 }), fc.boolean(), (blocks, isSky) => {
      const grid = gridOf(30)
      const cells = sceneOf(grid, (x, y) => spectra[blocks[Math.floor(y / 5) * 6 + Math.floor(x / 5)]!]!)
      const input = inputOf(cells, isSky ? {} : { sky: null })
      const { bits } = decideMasks(input)
      expect(decideMasks(input).bits).toEqual(bits)
      bits.forEach((mask, i) => {
        if (Number.isNaN(cells.bands.blue[i]!)) expect(mask).toBe(0)
        if (has(mask, 'cloud'))
          for (const other of ['snow', 'water', 'shadowInside', 'shadowOutside', 'thin'] as const)
            expect(has(mask, other)).toBe(false)
        const isCovered = FOUND.some((name) => has(mask, name))
        if (isCovered) expect(has(mask, 'cloudOrShadow')).toBe(true)
      })
    }),
    { numRuns: 60 },
  )
})

test('a given mask is cloud, throws a shadow and is dilated', () => {
  const { cells, sky, centre } = cloudyScene(1500, [35, 150], [0, 0])
  // The cloud made invisible: the ground's colour, but known to the user.
  const givenCloud = new Uint8Array(160 * 160)
  for (let i = 0; i < givenCloud.length; i++)
    if (Math.hypot((i % 160) - centre[0], Math.floor(i / 160) - centre[1]) < 10) {
      givenCloud[i] = 1
      for (const [k, band] of MASK_BANDS.entries()) cells.bands[band][i] = CROPS[k]!
    }
  expect(countOf(decideMasks(inputOf(cells, { sky })).bits, 'shadowInside')).toBe(0)
  const { bits, heights } = decideMasks(inputOf(cells, { sky, givenCloud }))
  expect(heights[0]!.isFound).toBe(true)
  expect(countOf(bits, 'shadowInside')).toBeGreaterThan(200)
  bits.forEach((mask, i) => {
    expect(has(mask, 'cloud')).toBe(givenCloud[i] === 1)
    if (has(mask, 'cloud')) expect(has(mask, 'monoTemporal') || has(mask, 'multiTemporal')).toBe(false)
  })
  expect(countOf(bits, 'cloudOrShadow')).toBeGreaterThan(
    countOf(bits, 'cloud') + countOf(bits, 'shadowInside'),
  )
})
