import type { StripWriter } from '../../raster/encode-jp2.js'
import type { Run } from '../view-frame.js'
import type { LandsatScene } from './landsat-scene.js'
import { OLI_BANDS } from './oli.js'

/** Band for which the product tells view angles. */
const BAND_4 = OLI_BANDS.indexOf('B4')
const NAMES = ['SAA', 'SZA', 'VAA', 'VZA'] as const

/** A direction as offsets east and north on a plane one unit above the ground: what may be interpolated where angles may not. */
type Offsets = readonly [Float64Array, Float64Array]

/** SAA, SZA, VAA, VZA of collection 2: hundredths of degrees, azimuths in (-180, 180] clockwise from north, 0 outside of the image. */
export class AnglePlanes {
  private readonly files: readonly StripWriter[]
  private readonly sun: Offsets
  private readonly views = new Map<number, Offsets>()
  constructor(
    private readonly scene: LandsatScene,
    open: (name: string) => StripWriter,
  ) {
    this.files = NAMES.map(open)
    const { view } = scene
    this.sun = offsets(view.sunZenith.length, (i) => ({
      zenith: view.sunZenith[i] ?? 0,
      azimuth: view.sunAzimuth[i] ?? 0,
    }))
    for (const detector of view.detectors)
      this.views.set(
        detector,
        offsets(view.sunZenith.length, (i) => view.view(i, detector, BAND_4)),
      )
  }

  write(top: number, rows: number, runs: readonly (readonly Run[])[]): void {
    const { samples, pixelM } = this.scene
    const { cols, rows: nodeRows, stepM } = this.scene.view
    const planes = NAMES.map(() => new Int16Array(samples * rows))
    const hundredths = (radians: number) => Math.round((radians * 18000) / Math.PI)
    for (let row = 0; row < rows; row++) {
      const y = ((top + row + 0.5) * pixelM) / stepM
      const r = Math.min(nodeRows - 2, Math.floor(y))
      const v = y - r
      for (const { detector, from, to } of runs[row] ?? []) {
        const view = this.views.get(detector)
        if (!view) continue
        for (let i = from; i < to; i++) {
          const x = ((i + 0.5) * pixelM) / stepM
          const c = Math.min(cols - 2, Math.floor(x))
          const [k, u] = [r * cols + c, x - c]
          const at = (f: Float64Array) =>
            ((f[k] ?? 0) * (1 - u) + (f[k + 1] ?? 0) * u) * (1 - v) +
            ((f[k + cols] ?? 0) * (1 - u) + (f[k + cols + 1] ?? 0) * u) * v
          ;[this.sun, view].forEach(([east, north], which) => {
            const [e, n] = [at(east), at(north)]
            const [azimuth, zenith] = [planes[2 * which], planes[2 * which + 1]]
            if (azimuth) azimuth[row * samples + i] = hundredths(Math.atan2(e, n))
            if (zenith) zenith[row * samples + i] = hundredths(Math.atan(Math.hypot(e, n)))
          })
        }
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

function offsets(size: number, at: (node: number) => { zenith: number; azimuth: number } | null): Offsets {
  const [east, north] = [new Float64Array(size), new Float64Array(size)]
  const rad = Math.PI / 180
  for (let i = 0; i < size; i++) {
    const direction = at(i)
    if (direction === null) continue
    const far = Math.tan(direction.zenith * rad)
    east[i] = far * Math.sin(direction.azimuth * rad)
    north[i] = far * Math.cos(direction.azimuth * rad)
  }
  return [east, north]
}
