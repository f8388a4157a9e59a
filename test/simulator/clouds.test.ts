import { describe, expect, it } from 'vitest'
import { s2Optics } from '../../src/simulator/atmosphere/evaluate-atmosphere.js'
import { BandRenderer, type BandImage } from '../../src/simulator/band-renderer.js'
import { cloudDecks, type CloudDeck } from '../../src/simulator/clouds/cloud-decks.js'
import { skyStrip } from '../../src/simulator/clouds/sky-strip.js'
import { LayerTable, cloudLayer } from '../../src/simulator/clouds/two-stream.js'
import type { Ground2d } from '../../src/simulator/landscape.js'
import { sunOffsets, type ViewFrame } from '../../src/simulator/view-frame.js'

describe('a cloud layer', () => {
  it('neither makes nor loses light where it does not absorb', () => {
    for (const tau of [0, 0.05, 0.3, 3, 30, 200])
      for (const mu of [0.25, 0.6, 1]) {
        const { reflected, transmitted } = cloudLayer('liquid', 0.55, tau, mu)
        expect(reflected + transmitted).toBeCloseTo(1, 3)
        expect(reflected).toBeGreaterThan(-1e-12)
      }
  })

  it('agrees with a case worked by hand', () => {
    // No absorption, g = .85, tau = 10, mu = .8. Scaled: tau' = (1 - .7225) 10 = 2.775, g' = .85 / 1.85 = .45946;
    // conservative limit (Meador and Weaver 1980, equation 24): R = (a t + (g3 - a mu)(1 - e^(-t/mu))) / (1 + a t) with
    // a = sqrt(3) (1 - g') / 2 = .46813, g3 = (1 - sqrt(3) g' mu) / 2 = .18167:
    // (1.29906 + (.18167 - .37450) (1 - e^-3.46875)) / 2.29906 = (1.29906 - .18682) / 2.29906 = .48378.
    expect(cloudLayer('liquid', 0.5, 10, 0.8).reflected).toBeCloseTo(0.4838, 3)
  })

  it('is darker in the short-wave infrared, ice more than water, and brighter the thicker it is', () => {
    const at = (phase: 'liquid' | 'ice', um: number, tau: number) => cloudLayer(phase, um, tau, 0.7).reflected
    expect(at('liquid', 2.2, 20)).toBeLessThan(at('liquid', 1.61, 20))
    expect(at('liquid', 1.61, 20)).toBeLessThan(at('liquid', 0.66, 20))
    expect(at('ice', 1.61, 20)).toBeLessThan(at('liquid', 1.61, 20))
    expect(at('liquid', 0.66, 0.1)).toBeLessThan(at('liquid', 0.66, 1))
    expect(at('liquid', 0.66, 1)).toBeLessThan(at('liquid', 0.66, 20))
  })

  it('is the same from the table', () => {
    const table = new LayerTable('ice', 1.61)
    for (const tau of [0, 0.01, 0.3, 2.7, 31])
      for (const mu of [0.3, 0.77, 0.99]) {
        const exact = cloudLayer('ice', 1.61, tau, mu)
        expect(Math.abs(table.reflectedAt(tau, mu) - exact.reflected)).toBeLessThan(6e-4)
        expect(Math.abs(table.transmittedAt(tau, mu) - exact.transmitted)).toBeLessThan(6e-4)
      }
  })
})

describe('the clouds of a day', () => {
  const sky = { seed: 4, date: '2025-06-11', localHours: 10.5, cover: 0.4, cirrus: 0.3 }
  const share = (decks: readonly CloudDeck[], above: number) => {
    let count = 0
    for (let i = 0; i < 200; i++)
      for (let j = 0; j < 200; j++)
        if (
          decks.reduce((sum, deck) => sum + deck.tau(31_300_000 + 3017 * i, 4_500_000 + 2911 * j), 0) > above
        )
          count++
    return count / 40_000
  }

  it('cover the share of the sky that was asked for', () => {
    for (const cover of [0.1, 0.4, 0.9])
      expect(share(cloudDecks({ ...sky, cover, cirrus: 0 }), 0.3)).toBeCloseTo(cover, 1)
    expect(share(cloudDecks({ ...sky, cover: 0 }), 0.02)).toBeCloseTo(0.3, 1)
    expect(cloudDecks({ ...sky, cover: 0, cirrus: 0 })).toEqual([])
  })

  it('are others on another day, and drift within one', () => {
    const at = (options: object) => {
      const [low] = cloudDecks({ ...sky, ...options })
      return Array.from({ length: 400 }, (_, i) => low?.tau(31_300_000 + 300 * i, 4_800_000) ?? 0)
    }
    expect(at({})).toEqual(at({}))
    expect(at({ date: '2025-06-12' })).not.toEqual(at({}))
    // Half an hour of 3 to 13 m/s from the west: some shift of 5 to 24 km makes them alike again.
    const [before, after] = [cloudDecks(sky)[0], cloudDecks({ ...sky, localHours: 11 })[0]]
    let best = Infinity
    for (let east = 0; east <= 24_000; east += 300)
      for (let north = -18_000; north <= 18_000; north += 300) {
        let difference = 0
        for (let i = 0; i < 12; i++) {
          const [x, y] = [31_300_000 + 4000 * i, 4_800_000 + 2000 * i]
          difference += Math.abs((after?.tau(x + east, y + north) ?? 0) - (before?.tau(x, y) ?? 0))
        }
        best = Math.min(best, difference)
      }
    expect(best).toBeLessThan(12)
  })
})

/** Metres from the corner of the square: a multiple of the 60 m on which clouds are sampled. */
const CENTRE = 4980

/** A square of 10 km at 20 m under one small cloud: 300 m wide, in its middle, thin as a sheet at 3000 m over ground at 1000 m. */
function underOneCloud(tau: number, views: readonly { zenith: number; azimuth: number }[]) {
  const width = 500
  const size = width * width
  const frame: ViewFrame = {
    cols: 3,
    rows: 3,
    stepM: 5000,
    // The sun stands at 45 degrees in the south.
    sunZenith: new Float64Array(9).fill(45),
    sunAzimuth: new Float64Array(9).fill(180),
    detectors: [1],
    view: (_node, _detector, band) => views[band] ?? null,
    runs: () => [{ detector: 1, from: 0, to: width }],
  }
  const deck: CloudDeck = {
    name: 'altocumulus',
    phase: 'liquid',
    baseM: 3000,
    topM: 3000,
    tau: (x, y) => (Math.abs(x - CENTRE) <= 150 && Math.abs(y + CENTRE) <= 150 ? tau : 0),
  }
  const window = { easting: 0, northing: 0, pixelM: 20, width, height: width }
  const ground: Ground2d = {
    kinds: new Uint16Array(size),
    texture: new Int16Array(size),
    altitudeM: new Float32Array(size).fill(1000),
    snow: null,
  }
  const sky = skyStrip([deck], ground, window, { offsets: sunOffsets(frame), frame, left: 0, top: 0 })
  const render = (band: number) => {
    const image: BandImage = {
      footprint: { stride: 1, first: 0, taps: [1] },
      pixelM: 20,
      width,
      scale: 10000,
      shift: 0,
      bySun: false,
      um: 0.66,
      maxDn: 65535,
      noiseDn: () => 0,
      seed: 1,
    }
    const air = { aot: 0.1, wv: 2, ozone: 0.3 }
    const renderer = new BandRenderer(
      frame,
      band,
      image,
      Float32Array.of(0.3),
      s2Optics('S2A', 'B04'),
      () => air,
      [deck],
    )
    return renderer.render(ground, width, 0, width, sky).dn
  }
  /** Middle of the pixels that satisfy a condition, in metres east and north of the cloud. */
  const middleOf = (dn: Uint16Array, is: (v: number) => boolean) => {
    let [x, y, n] = [0, 0, 0]
    dn.forEach((v, i) => {
      if (!is(v)) return
      x += 20 * ((i % width) + 0.5)
      y -= 20 * (Math.floor(i / width) + 0.5)
      n++
    })
    return { east: x / n - CENTRE, north: y / n + CENTRE, pixels: n }
  }
  return { sky, render, middleOf, clear: (dn: Uint16Array) => dn[10 * width + 10] ?? 0 }
}

describe('where a cloud and its shadow appear', () => {
  // Tangents .1, .1 and .2: the sensor stands in the east, in the north, in the east.
  const views = [
    { zenith: (Math.atan(0.1) * 180) / Math.PI, azimuth: 90 },
    { zenith: (Math.atan(0.1) * 180) / Math.PI, azimuth: 0 },
    { zenith: (Math.atan(0.2) * 180) / Math.PI, azimuth: 90 },
  ]
  const scene = underOneCloud(20, views)

  it('the cloud moves away from the sensor by its height over the ground times the tangent of the view angle', () => {
    const expected = [
      [-200, 0], // 2000 m x .1, westward
      [0, -200], // southward
      [-400, 0], // 2000 m x .2
    ] as const
    expected.forEach(([east, north], band) => {
      const dn = scene.render(band)
      const cloud = scene.middleOf(dn, (v) => v > scene.clear(dn) + 500)
      expect(Math.abs(cloud.east - east)).toBeLessThan(15)
      expect(Math.abs(cloud.north - north)).toBeLessThan(15)
      // 300 m on nodes 60 m apart: 11 to 19 pixels of 20 m along an edge.
      expect(cloud.pixels).toBeGreaterThan(121)
      expect(cloud.pixels).toBeLessThan(400)
    })
  })

  it('the shadow falls away from the sun by height times the tangent of its zenith angle, the same in every band', () => {
    for (const band of [0, 2]) {
      const dn = scene.render(band)
      const shadow = scene.middleOf(dn, (v) => v < scene.clear(dn) - 300)
      // 2000 m x tan 45 degrees, northward.
      expect(Math.abs(shadow.east)).toBeLessThan(15)
      expect(Math.abs(shadow.north - 2000)).toBeLessThan(15)
    }
  })

  it('tells how high the cloud is that shades a pixel', () => {
    const shaded = [...scene.sky.shadeTau.keys()].filter((i) => (scene.sky.shadeTau[i] ?? 0) > 0.3)
    expect(shaded.length).toBeGreaterThan(100)
    for (const i of shaded) expect(scene.sky.shadeHeightM[i]).toBe(2000)
  })

  it('a cloud that is not there changes nothing', () => {
    const none = underOneCloud(0, views)
    const dn = none.render(0)
    expect(new Set(dn).size).toBe(1)
    expect(dn[0]).toBe(scene.clear(scene.render(0)))
  })
})
