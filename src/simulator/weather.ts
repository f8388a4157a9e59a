import { createStrips } from '../raster/encode-jp2.js'
import type { Grid } from '../domain/grid.js'
import type { AirState } from './atmosphere/evaluate-atmosphere.js'
import { cloudDecks, type CloudDeck } from './clouds/cloud-decks.js'
import { fractal, hash } from './noise.js'
import { numberWithin } from './options.js'
import { OffsetsOnRow, type Offsets, type ViewFrame } from './view-frame.js'

/** Options of both satellites about the sky. */
export interface WeatherOptions {
  /** Share of the sky under water clouds, 0..1. Default 0. */
  readonly cloudCover?: number
  /** Share of the sky under cirrus, 0..1. Default 0. */
  readonly cirrus?: number
  /** Aerosol optical thickness at 550 nm above the ground, 0..1.4. Default 0.15. */
  readonly aot?: number
  /** Water vapour of a column at sea level, g/cm2, 0..8. Default 2. */
  readonly wv?: number
  /** Ozone, DU, 100..600. Default 300. */
  readonly ozoneDu?: number
  /** Largest relative deviation of aerosol and water vapour from these over some tens of km, 0..0.9. Default 0: the same everywhere. */
  readonly airVariation?: number
}

export interface Weather {
  readonly decks: readonly CloudDeck[]
  /** What was asked for: the mean. */
  readonly air: AirState
  readonly airVariation: number
  readonly cloudCover: number
  readonly cirrus: number
  /** Air above a place (easting with its zone's offset, northing from the equator, metres). */
  airAt(x: number, y: number): AirState
}

/** Sky of a day: a pure function of seed, day and place, the same in all tiles of a zone. Throws BAD_ARGUMENT. */
export function makeWeather(
  options: WeatherOptions,
  seed: number,
  date: string,
  localHours: number,
): Weather {
  const air: AirState = {
    aot: numberWithin('aot', options.aot ?? 0.15, 0, 1.4),
    wv: numberWithin('wv', options.wv ?? 2, 0, 8),
    ozone: numberWithin('ozone', options.ozoneDu ?? 300, 100, 600) / 1000,
  }
  const cloudCover = numberWithin('cloud cover', options.cloudCover ?? 0, 0, 1)
  const cirrus = numberWithin('cirrus', options.cirrus ?? 0, 0, 1)
  const variation = numberWithin('air variation', options.airVariation ?? 0, 0, 0.9)
  const day = hash(Math.round(Date.parse(date) / 86_400_000), 9, seed) & 0x3fffffff
  const field = (x: number, y: number, scaleM: number, salt: number) =>
    1 + variation * Math.max(-1, Math.min(1, fractal(x / scaleM, y / scaleM, day + salt, 2)))
  return {
    decks: cloudDecks({ seed, date, localHours, cover: cloudCover, cirrus }),
    air,
    airVariation: variation,
    cloudCover,
    cirrus,
    airAt: (x, y) =>
      variation === 0
        ? air
        : {
            aot: Math.min(1.4, air.aot * field(x, y, 35_000, 0)),
            wv: Math.min(8, air.wv * field(x, y, 60_000, 50)),
            ozone: air.ozone,
          },
  }
}

/** Air on the nodes of a frame whose upper-left corner is `left`, `top`. */
export function airOnNodes(
  weather: Weather,
  frame: ViewFrame,
  left: number,
  top: number,
): readonly AirState[] {
  return Array.from({ length: frame.cols * frame.rows }, (_, i) =>
    weather.airAt(left + (i % frame.cols) * frame.stepM, top - Math.floor(i / frame.cols) * frame.stepM),
  )
}

/** Truth of the air: AOT.tif (x 1000, above the ground) and WV.tif (g/cm2 x 1000, column at sea level), int16, bilinear between nodes as rendered. */
export function writeAirTruth(
  nodes: readonly AirState[],
  frame: ViewFrame,
  grid: Grid,
  path: (name: string) => string,
): void {
  const [aot, wv] = [
    createStrips(path('AOT'), grid, 'int16', {
      compress: true,
      description: 'aerosol optical thickness at 550 nm x 1000',
    }),
    createStrips(path('WV'), grid, 'int16', {
      compress: true,
      description: 'water vapour in g/cm2 x 1000, column at sea level',
    }),
  ]
  const fields: Offsets = {
    east: Float64Array.from(nodes, (air) => air.aot),
    north: Float64Array.from(nodes, (air) => air.wv),
  }
  const rows = 128
  for (let top = 0; top < grid.height; top += rows) {
    const count = Math.min(rows, grid.height - top)
    const [a, w] = [new Int16Array(grid.width * count), new Int16Array(grid.width * count)]
    for (let row = 0; row < count; row++) {
      const line = new OffsetsOnRow(fields, frame, (top + row + 0.5) * grid.pixelHeightM)
      for (let i = 0; i < grid.width; i++) {
        const [first, second] = line.at((i + 0.5) * grid.pixelWidthM)
        a[row * grid.width + i] = Math.round(1000 * first)
        w[row * grid.width + i] = Math.round(1000 * second)
      }
    }
    aot.write(top, count, a)
    wv.write(top, count, w)
  }
  aot.close()
  wv.close()
}
