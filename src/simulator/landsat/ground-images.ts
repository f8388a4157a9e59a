import { createStrips, type ScratchArray, type StripWriter } from '../../raster/encode-jp2.js'
import { NO_REFLECTANCE } from '../band-renderer.js'
import { CLOUD_TRUTH } from '../clouds/cloud-truth.js'
import { kindSeen, type Ground2d } from '../landscape.js'
import { GROUND } from '../spectra.js'
import type { Run } from '../view-frame.js'
import { TIRS_BANDS } from './calibration.js'
import { reflectiveGrid, type LandsatScene } from './landsat-scene.js'
import { groundTemperatures, thermalDn } from './thermal.js'

/**
 * Values of the quality image, by bits of its collection: one bit for each finding, and two of confidence (1 low, 3 high) for cloud, shadow, snow and cirrus.
 * Sources: Landsat 8-9 Collection 2 Level 1 Data Format Control Book (LSDS-1822), QA_PIXEL; Collection 1 (LSDS-1656), BQA.
 */
const LAYOUT = {
  2: {
    cloud: 3,
    shadow: 4,
    snow: 5,
    clear: 6,
    water: 7,
    cirrus: 2,
    confidence: { cloud: 8, shadow: 10, snow: 12, cirrus: 14 },
  },
  1: {
    cloud: 4,
    shadow: null,
    snow: null,
    clear: null,
    water: null,
    cirrus: null,
    confidence: { cloud: 5, shadow: 7, snow: 9, cirrus: 11 },
  },
} as const
const FILL = 1
const WATER = ['river', 'lake'].map((name) => GROUND.findIndex((g) => g === name))
const SNOW = GROUND.indexOf('snow')
/** Temperature of the top of a thick cloud: the air at its height, from 288 K at sea level. */
const CLOUD_KELVIN_AT_SEA = 288

export interface Seen {
  readonly isWater: boolean
  readonly isSnow?: boolean
  /** Bits of CLOUD.tif. */
  readonly clouds: number
}

/** A value of QA_PIXEL or BQA. */
export function qualityOf(collection: 1 | 2, { isWater, isSnow = false, clouds }: Seen): number {
  const layout = LAYOUT[collection]
  const isCloud = (clouds & CLOUD_TRUTH.cloud) !== 0
  const isCirrus = (clouds & CLOUD_TRUTH.cirrus) !== 0
  const isShadow = !isCloud && (clouds & (CLOUD_TRUTH.shadow | CLOUD_TRUTH.shadowFromOutside)) !== 0
  const bit = (n: number | null, is: boolean) => (n !== null && is ? 1 << n : 0)
  const sure = (n: number, is: boolean) => (is ? 3 : 1) << n
  const { confidence } = layout
  return (
    bit(layout.cloud, isCloud) |
    bit(layout.shadow, isShadow) |
    bit(layout.clear, !isCloud && !isCirrus) |
    bit(layout.water, isWater) |
    bit(layout.cirrus, isCirrus) |
    sure(confidence.cloud, isCloud) |
    sure(confidence.shadow, isShadow) |
    bit(layout.snow, isSnow && !isCloud) |
    sure(confidence.snow, isSnow && !isCloud) |
    sure(confidence.cirrus, isCirrus)
  )
}

/** The images that need the ground and the cloud truth alone: thermal bands and quality into `scratch`, DEM and classes into `truth`. */
export class GroundImages {
  private readonly thermal: readonly {
    readonly dnOf: (kelvin: number, altitudeM: number) => number
    readonly file: StripWriter
  }[]
  private readonly kelvin: Float32Array
  private readonly quality: StripWriter
  private readonly dem: StripWriter
  private readonly classes: StripWriter

  constructor(
    private readonly scene: LandsatScene,
    scratchFile: (name: string, type: 'uint16', noData?: number) => StripWriter,
    truthPath: (name: string) => string,
  ) {
    this.thermal = TIRS_BANDS.map((band) => ({
      dnOf: thermalDn(scene.platform, band),
      file: scratchFile(band, 'uint16', 0),
    }))
    this.kelvin = groundTemperatures(scene.dayOfYear, scene.wrs.lat, scene.sun.zenith)
    this.quality = scratchFile(scene.collection === 2 ? 'QA_PIXEL' : 'BQA', 'uint16')
    const grid = reflectiveGrid(scene)
    this.dem = createStrips(truthPath('DEM'), grid, 'int16', {
      compress: true,
      noData: NO_REFLECTANCE,
      description: 'metres above the geoid',
    })
    this.classes = createStrips(truthPath('CLASS'), grid, 'uint8', {
      compress: true,
      noData: 0,
      description: 'kind of ground',
    })
  }

  /**
   * Rows `top` to `top + runs.length`; the fine pixel in the middle stands for the pixel. `bits` and `tau` (x 1000) are the cloud truth of these rows.
   * Returns the number of pixels with data.
   */
  write(
    top: number,
    ground: Ground2d,
    groundWidth: number,
    runs: readonly (readonly Run[])[],
    clouds: { readonly bits: Uint8Array; readonly tau: Uint16Array } | null,
  ): number {
    const { samples, collection } = this.scene
    const rows = runs.length
    const size = samples * rows
    const [altitude, kind] = [new Int16Array(size), new Uint8Array(size)]
    const flags = new Uint16Array(size).fill(FILL)
    const warm = this.thermal.map(() => new Uint16Array(size))
    let seen = 0
    for (let row = 0; row < rows; row++) {
      const line = (2 * row + 1) * groundWidth + 1
      for (let i = 0; i < samples; i++) {
        const k = line + 2 * i
        altitude[row * samples + i] = Math.round(ground.altitudeM[k] ?? 0)
        kind[row * samples + i] = kindSeen(ground, k)
      }
      for (const { from, to } of runs[row] ?? [])
        for (let i = from; i < to; i++) {
          const [k, n] = [line + 2 * i, row * samples + i]
          // A cloud hides the warmth of the ground as it thickens.
          const opaque = clouds === null ? 0 : 1 - Math.exp(-(clouds.tau[n] ?? 0) / 1000)
          const kelvin = this.kelvin[ground.kinds[k] ?? 0] ?? CLOUD_KELVIN_AT_SEA
          const metres = ground.altitudeM[k] ?? 0
          this.thermal.forEach(({ dnOf }, t) => {
            const plane = warm[t]
            if (!plane) return
            const clear = dnOf(kelvin, metres)
            plane[n] =
              opaque === 0
                ? clear
                : Math.round(clear + opaque * (dnOf(CLOUD_KELVIN_AT_SEA, this.cloudTopM) - clear))
          })
          flags[n] = qualityOf(collection, {
            isWater: WATER.includes(kind[n] ?? 0),
            isSnow: kind[n] === SNOW,
            clouds: clouds?.bits[n] ?? 0,
          })
          seen++
        }
    }
    const write = (file: StripWriter, data: ScratchArray) => {
      file.write(top, rows, data)
    }
    write(this.dem, altitude)
    write(this.classes, kind)
    write(this.quality, flags)
    this.thermal.forEach(({ file }, t) => {
      const plane = warm[t]
      if (plane) write(file, plane)
    })
    return seen
  }

  /** One height for the temperature of all clouds of the day. */
  private get cloudTopM(): number {
    const tops = this.scene.weather.decks.map((deck) => deck.topM)
    return tops.length === 0 ? 0 : Math.min(...tops)
  }

  close(): void {
    for (const file of [this.dem, this.classes, this.quality, ...this.thermal.map((t) => t.file)])
      file.close()
  }
}
