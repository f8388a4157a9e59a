import type { StripWriter } from '../../raster/encode-jp2.js'
import { OffsetsOnRow, sunOffsets, viewOffsets, type Offsets, type Run } from '../view-frame.js'
import type { LandsatScene } from './landsat-scene.js'
import { OLI_BANDS } from './oli.js'

/** Band for which the product tells view angles. */
const BAND_4 = OLI_BANDS.indexOf('B4')
const NAMES = ['SAA', 'SZA', 'VAA', 'VZA'] as const

/** SAA, SZA, VAA, VZA of collection 2: hundredths of degrees, azimuths in (-180, 180] clockwise from north, 0 outside of the image. */
export class AnglePlanes {
  private readonly files: readonly StripWriter[]
  private readonly sun: Offsets
  private readonly views: ReadonlyMap<number, Offsets>
  constructor(
    private readonly scene: LandsatScene,
    open: (name: string) => StripWriter,
  ) {
    this.files = NAMES.map(open)
    this.sun = sunOffsets(scene.view)
    this.views = viewOffsets(scene.view, BAND_4)
  }

  write(top: number, rows: number, runs: readonly (readonly Run[])[]): void {
    const { samples, pixelM } = this.scene
    const planes = NAMES.map(() => new Int16Array(samples * rows))
    const hundredths = (radians: number) => Math.round((radians * 18000) / Math.PI)
    for (let row = 0; row < rows; row++) {
      const y = (top + row + 0.5) * pixelM
      const sun = new OffsetsOnRow(this.sun, this.scene.view, y)
      for (const { detector, from, to } of runs[row] ?? []) {
        const offsets = this.views.get(detector)
        if (!offsets) continue
        const view = new OffsetsOnRow(offsets, this.scene.view, y)
        for (let i = from; i < to; i++)
          [sun, view].forEach((direction, which) => {
            const [east, north] = direction.at((i + 0.5) * pixelM)
            const [azimuth, zenith] = [planes[2 * which], planes[2 * which + 1]]
            if (azimuth) azimuth[row * samples + i] = hundredths(Math.atan2(east, north))
            if (zenith) zenith[row * samples + i] = hundredths(Math.atan(Math.hypot(east, north)))
          })
      }
    }
    planes.forEach((plane, p) => {
      this.files[p]?.write(top, rows, plane)
    })
  }

  close(): void {
    for (const file of this.files) file.close()
  }
}
