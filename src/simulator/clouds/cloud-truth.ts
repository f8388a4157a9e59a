import { createStrips, type StripWriter } from '../../raster/encode-jp2.js'
import type { Grid } from '../../domain/grid.js'
import type { Ground2d } from '../landscape.js'
import {
  OffsetsOnRow,
  sunOffsets,
  viewOffsets,
  type Offsets,
  type Run,
  type ViewFrame,
} from '../view-frame.js'
import { tauOnView } from './sky-optics.js'
import type { SkyStrip } from './sky-strip.js'

/** Bits of CLOUD.tif in the view of one band; 255 is outside of the swath. */
export const CLOUD_TRUTH = {
  /** Optical thickness on the line of sight above 0.3. */
  cloud: 1,
  /** Between 0.1 and 0.3: no judge should count these. */
  unscored: 2,
  /** Thickness on the way of the sunlight above 0.3, of a cloud that the image shows. */
  shadow: 4,
  /** The same of a cloud outside of the image. */
  shadowFromOutside: 8,
  /** Cirrus thicker than 0.02 on the line of sight. */
  cirrus: 16,
  /** Shadow of a thickness between 0.1 and 0.3. */
  shadowUnscored: 32,
} as const
export const OUTSIDE = 255
const [CLEAR_BELOW, CLOUD_ABOVE, CIRRUS_ABOVE] = [0.1, 0.3, 0.02]

/** Which fine pixel stands for a pixel of the truth: `stride` k + `first`, in rows and columns. */
export interface Pick {
  readonly stride: number
  readonly first: number
}

/** Writes CLOUD.tif (bits above), CLOUD_TAU.tif (all decks) and CIRRUS_TAU.tif (thickness x 1000, uint16) as the given band sees them. */
export class CloudTruth {
  private readonly files: readonly [StripWriter, StripWriter, StripWriter]
  private readonly sun: Offsets
  private readonly views: ReadonlyMap<number, Offsets>
  private readonly rowRuns = new Map<number, readonly Run[]>()
  private cloudy = 0
  private seen = 0

  constructor(
    path: (name: string) => string,
    private readonly grid: Grid,
    private readonly frame: ViewFrame,
    band: number,
    private readonly pick: Pick,
  ) {
    const create = (name: string, type: 'uint8' | 'uint16', description: string, noData?: number) =>
      createStrips(path(name), grid, type, {
        compress: true,
        description,
        ...(noData === undefined ? {} : { noData }),
      })
    this.files = [
      create(
        'CLOUD',
        'uint8',
        'bits: cloud 1, unscored 2, shadow 4, shadow from outside 8, cirrus 16, shadow unscored 32',
        OUTSIDE,
      ),
      create('CLOUD_TAU', 'uint16', 'optical thickness of all clouds x 1000'),
      create('CIRRUS_TAU', 'uint16', 'optical thickness of cirrus x 1000'),
    ]
    this.sun = sunOffsets(frame)
    this.views = viewOffsets(frame, band)
  }

  /** Share of the pixels with data that are cloud, percent. */
  get percent(): number {
    return this.seen === 0 ? 0 : (100 * this.cloudy) / this.seen
  }

  private runsOn(row: number): readonly Run[] {
    let runs = this.rowRuns.get(row)
    if (runs === undefined) {
      const { pixelWidthM, width } = this.grid
      runs = this.frame.runs((row + 0.5) * pixelWidthM, pixelWidthM, width)
      this.rowRuns.set(row, runs)
    }
    return runs
  }

  /** Rows `top` to `top + rows` of the truth from a strip of fine ground and its clouds. Returns the bits and the thickness x 1000. */
  add(top: number, rows: number, ground: Ground2d, sky: SkyStrip): { bits: Uint8Array; tau: Uint16Array } {
    const { width, height, pixelWidthM: pixelM } = this.grid
    const { easting, northing, pixelM: fineM, width: fineWidth } = sky.window
    const bits = new Uint8Array(width * rows).fill(OUTSIDE)
    const [all, cirrus] = [new Uint16Array(width * rows), new Uint16Array(width * rows)]
    const thousandths = (tau: number) => Math.min(65535, Math.round(1000 * tau))
    const shows = (x: number, y: number) => {
      const [column, row] = [Math.floor(x / pixelM), Math.floor(y / pixelM)]
      return row >= 0 && row < height && this.runsOn(row).some((run) => column >= run.from && column < run.to)
    }
    for (let row = 0; row < rows; row++) {
      const y = (top + row + 0.5) * pixelM
      const sun = new OffsetsOnRow(this.sun, this.frame, y)
      const fineRow = row * this.pick.stride + this.pick.first
      for (const { detector, from, to } of this.runsOn(top + row)) {
        const offsets = this.views.get(detector)
        if (!offsets) continue
        const view = new OffsetsOnRow(offsets, this.frame, y)
        for (let i = from; i < to; i++) {
          const x = (i + 0.5) * pixelM
          const fineColumn = i * this.pick.stride + this.pick.first
          const k = fineRow * fineWidth + fineColumn
          const [toEast, toNorth] = view.at(x)
          const tau = tauOnView(
            sky,
            easting + (fineColumn + 0.5) * fineM,
            northing - (fineRow + 0.5) * fineM,
            ground.altitudeM[k] ?? 0,
            toEast,
            toNorth,
          )
          let flags = 0
          if (tau.all > CLOUD_ABOVE) flags |= CLOUD_TRUTH.cloud
          else if (tau.all > CLEAR_BELOW) flags |= CLOUD_TRUTH.unscored
          if (tau.cirrus > CIRRUS_ABOVE) flags |= CLOUD_TRUTH.cirrus
          const shade = sky.shadeTau[k] ?? 0
          if (shade > CLOUD_ABOVE) {
            // Where the image shows the cloud: up along the sun, down along the line of sight.
            const up = sky.shadeHeightM[k] ?? 0
            const [sunEast, sunNorth] = sun.at(x)
            const isShown = shows(x + up * (sunEast - toEast), y - up * (sunNorth - toNorth))
            flags |= isShown ? CLOUD_TRUTH.shadow : CLOUD_TRUTH.shadowFromOutside
          } else if (shade > CLEAR_BELOW) flags |= CLOUD_TRUTH.shadowUnscored
          const n = row * width + i
          bits[n] = flags
          all[n] = thousandths(tau.all)
          cirrus[n] = thousandths(tau.cirrus)
          this.seen++
          if (flags & CLOUD_TRUTH.cloud) this.cloudy++
        }
      }
    }
    const [mask, thickness, ice] = this.files
    mask.write(top, rows, bits)
    thickness.write(top, rows, all)
    ice.write(top, rows, cirrus)
    return { bits, tau: all }
  }

  close(): void {
    for (const file of this.files) file.close()
  }
}
