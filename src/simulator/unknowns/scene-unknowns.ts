import { S2_BANDS, type S2Band } from '../../domain/sentinel2.js'
import { s2Optics, type AirState } from '../atmosphere/evaluate-atmosphere.js'
import type { GroundDetail } from '../band-renderer.js'
import type { Ground2d, GroundWindow, Landscape } from '../landscape.js'
import { hash } from '../noise.js'
import type { Scene } from '../scene.js'
import { OffsetsOnRow, type Offsets, type ViewFrame } from '../view-frame.js'
import type { BandUnknowns } from './band-unknowns.js'
import { Surroundings } from './environment.js'
import { groundScatter, SHOWN } from './ground-scatter.js'
import { slopeLight } from './slope-light.js'
import type { Unknowns } from './unknowns.js'

/** The unknowns of one scene whose upper-left corner is `left`, `top` in the landscape. */
export class SceneUnknowns {
  private readonly unknowns: Unknowns
  private readonly surroundings: Surroundings | null
  private readonly airs = new Map<AirState, Map<number, AirState>>()

  constructor(
    private readonly scene: Scene & { readonly unknowns: Unknowns | null },
    landscape: Landscape,
    private readonly left: number,
    private readonly top: number,
  ) {
    if (scene.unknowns === null) throw new Error('A scene without unknowns has none to make.')
    this.unknowns = scene.unknowns
    this.surroundings = this.unknowns.adjacency ? new Surroundings(landscape, left, top, scene.extentM) : null
  }

  /** Air over ground of an altitude, from that at sea level; the same object for the same question. */
  airAbove(air: AirState, altitudeM: number): AirState {
    const height = this.unknowns.aerosolScaleHeightM
    if (height === null) return air
    let byAltitude = this.airs.get(air)
    if (byAltitude === undefined) this.airs.set(air, (byAltitude = new Map<number, AirState>()))
    let above = byAltitude.get(altitudeM)
    if (above === undefined)
      byAltitude.set(altitudeM, (above = { ...air, aot: air.aot * Math.exp(-altitudeM / height) }))
    return above
  }

  /** @param spectrum reflectance of each kind of ground in the band */
  ofBand(band: S2Band, spectrum: Float32Array): BandUnknowns {
    const { scene, unknowns, surroundings } = this
    const { calibration, aerosol, directional } = unknowns
    const [molecules, extinction] = s2Optics(scene.names.platform, band, aerosol).depths
    // Scattered once towards the sensor: half of what molecules meet, and most of what aerosol does, as it scatters forward.
    const [byMolecules, byAerosol] = [0.5 * molecules, 0.85 * extinction * scene.weather.air.aot]
    return {
      band,
      calibration: 1 + calibration * ((2 * hash(S2_BANDS.indexOf(band), 303, scene.seed)) / 0xffffffff - 1),
      shown: SHOWN[band],
      isDirectional: directional,
      environment: surroundings?.around(spectrum, byMolecules / (byMolecules + byAerosol)) ?? null,
    }
  }

  /** What else the fine pixels of a strip have. @param sun towards the sun, on the nodes of the frame */
  detailOf(ground: Ground2d, window: GroundWindow, frame: ViewFrame, sun: Offsets): GroundDetail {
    const { spectra, change, slopes } = this.unknowns
    const { seed, dayOfYear, year } = this.scene
    const { width, height, pixelM, northing, easting } = window
    const above = this.top - northing
    return {
      scatter:
        spectra > 0 || change > 0
          ? groundScatter(ground, window, { spectra, change }, seed, 400 * year + dayOfYear)
          : null,
      slopes: slopes
        ? slopeLight(ground.altitudeM, width, height, pixelM, (row) => {
            const onRow = new OffsetsOnRow(sun, frame, above + (row + 0.5) * pixelM)
            return { at: (x) => onRow.at(x + easting - this.left) }
          })
        : null,
    }
  }
}
