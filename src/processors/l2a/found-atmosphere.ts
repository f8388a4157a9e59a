import type { AerosolModel } from '../../domain/aerosol-mix.js'
import type { AuxiliaryAir, L1Scene } from '../../domain/l1-scene.js'
import type { Aot } from './aot.js'
import type { AtmosphereModel } from './atmosphere.js'
import type { ChainState } from './chain-state.js'
import type { AerosolEvidence } from './choose-aerosol.js'
import type { AtmosphereNodes } from './coefficient-planes.js'
import type { L2aParams } from './definition.js'
import type { GroundColours } from './ground-colours.js'
import type { CellAir } from './surface-cells.js'
import type { ToaCells } from './toa-cells.js'

/** Where a quantity comes from. */
export type AirOrigin = 'parameter' | 'auxiliary' | 'image' | 'default'

export interface AtmosphereRequest {
  readonly model: AtmosphereModel
  readonly scene: Pick<L1Scene, 'satellite' | 'sensor' | 'sun' | 'bands'>
  readonly cells: ToaCells
  /** Of cells, hPa. */
  readonly pressureHpa: Float32Array
  /** At which coefficients are evaluated, ascending. */
  readonly nodesHpa: ArrayLike<number>
  /** `adjacency`: light from beside is taken off the cells, as it will be off the pixels. */
  readonly params: Pick<L2aParams, 'aot' | 'wv' | 'ozone' | 'aerosol' | 'adjacency'>
  readonly auxiliary: AuxiliaryAir
  readonly state: ChainState | null
  /** Days since 1970-01-01. */
  readonly day: number
  /** 1 where another mask says cloud, shadow or snow, by cell. */
  readonly isCovered: Uint8Array
}

export interface FoundAtmosphere {
  readonly nodes: AtmosphereNodes
  /** On cells, AOT above their ground. */
  readonly air: CellAir
  readonly ozone: number
  readonly aerosol: string
  /** CELL_FLAGS of the cloud tests. */
  readonly flags: Uint8Array
  /** 1 where AOT or vapour is not of the image around: imposed, auxiliary or a default. */
  readonly isDefault: Uint8Array
  /** The same of each quantity, by node: 1 where the image said nothing near. */
  readonly isFilled: { readonly aot: Uint8Array; readonly wv: Uint8Array }
  readonly origins: Readonly<Record<'aot' | 'wv' | 'ozone' | 'aerosol', AirOrigin>>
  /** Of cells and nodes, 0..1. */
  readonly foundShare: { readonly aot: number; readonly wv: number }
  /** What each aerosol left unexplained, unit 1; empty where none was tried. */
  readonly residuals: Readonly<Record<string, number>>
  /** How each compares with the default; empty where none was tried. */
  readonly evidence: Readonly<Record<string, AerosolEvidence>>
  /** The mean AOT that the image has under each aerosol that was tried, over that under the one that was taken. */
  readonly aotRatios: Readonly<Record<string, number>>
  /** How much each model counts in `aerosol` by what the image says; empty where none was tried. */
  readonly weights: ReadonlyMap<AerosolModel, number>
  readonly aotCells: Aot['cells'] | null
  /** What the date says of the ground's blue over red; null where AOT is not of the image. */
  readonly colours: GroundColours | null
}
