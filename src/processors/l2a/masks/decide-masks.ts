import { MASK_BITS } from '../../../domain/mask-bits.js'
import type { CellPlanes } from '../cells.js'
import type { ChainState } from '../chain-state.js'
import { dilated } from './cell-shapes.js'
import { changeClouds, type ChangeClouds } from './change-test.js'
import { cloudShadows, type CloudShadows } from './cloud-shadow.js'
import { changedLightBySize, litTest, relativeDarkness, type RememberedGround } from './dark-cells.js'
import type { MaskCells } from './mask-cells.js'
import { testOneDate } from './one-date.js'
import { ShadowPath, type Offsets } from './sky-paths.js'
import { glintCells } from './sun-glint.js'
import { terrainShadow } from './terrain-shadow.js'

/** Shadows are dilated by this part of what clouds are: their rims are less in doubt. */
const SHADOW_DILATION_PART = 0.5
/** How far from a cloud its thin rim may reach, m: beyond that it is haze. */
const RIM_M = 300

export interface MaskInput {
  readonly cells: MaskCells
  /** Directions by cell; null where the image came without: the sun's is then guessed from the image, and there is no glint and no shadow of terrain. */
  readonly sky: { readonly sun: Offsets; readonly view: Offsets } | null
  /** m above the geoid by cell, NaN as sea level; null without DEM: flat ground, no shadow of terrain. */
  readonly altitudeM: Float32Array | null
  /** What the chain knows of the ground, and the date itself on those cells; null: only the date speaks. */
  readonly chain: {
    readonly coarse: CellPlanes
    readonly reference: ChainState
    readonly finer: RememberedGround
    readonly day: number
  } | null
  /** 1 where cirrus was seen (`cirrusCells`); null where no test was possible. */
  readonly cirrus: Uint8Array | null
  /** 1 where a mask that the user gave says cloud; null without. */
  readonly givenCloud: Uint8Array | null
  /** How far clouds reach in bit 0, m. */
  readonly dilationM: number
}

export interface DecidedMasks {
  /** Bits of MASK.tif by cell; 0 where a band of the tests has no value. */
  readonly bits: Uint16Array
  readonly heights: CloudShadows['heights']
}

const bit = (name: keyof typeof MASK_BITS): number => 1 << MASK_BITS[name]

/**
 * All bits of a scene's mask that are found on cells, in this order: clouds of the date alone and by change, snow, cirrus, shadow of terrain, shadows of clouds, water, glint; at last bit 0, which alone is
 * dilated: clouds and their thin rims by `dilationM`, shadows by half of that. Where the chain knows the ground, the date alone is overruled where nothing has changed.
 */
export function decideMasks(input: MaskInput): DecidedMasks {
  const { cells, sky, altitudeM, chain, cirrus, givenCloud } = input
  const { grid, bands, isSaturated } = cells
  const date = testOneDate(cells)
  const change = chain === null ? null : changeClouds(cells, date, chain.coarse, chain.reference, chain.day)
  const size = date.isValid.length
  const mono = date.cloud.map((v, i) =>
    v === 1 && (isSaturated[i] === 1 || change?.isUnchanged[i] !== 1) ? 1 : 0,
  )
  const cloud = mono.map((v, i) =>
    date.isValid[i] === 1 ? v | (change?.cloud[i] ?? 0) | (givenCloud?.[i] ?? 0) : 0,
  )
  const nearby = dilated(cloud, grid, RIM_M / grid.pixelWidthM)
  const thin = date.thin.map((v, i) => (cloud[i] === 0 && nearby[i] === 1 && isThin(v, change, i) ? 1 : 0))
  const terrain = sky === null || altitudeM === null ? null : terrainShadow(altitudeM, sky.sun, grid)
  const isLand = date.isValid.map((v, i) =>
    v === 1 && cloud[i] === 0 && date.water[i] === 0 && date.snow[i] === 0 ? 1 : 0,
  )
  const relative = relativeDarkness(bands.nir, bands.swir16, isLand, grid)
  let changed: Float32Array | null = null
  if (chain !== null && change !== null) {
    const isOpen = date.isValid.map((v, i) => (v === 1 && cloud[i] === 0 && date.snow[i] === 0 ? 1 : 0))
    const grounds = { finer: chain.finer, larger: { now: chain.coarse, known: chain.reference } }
    changed = changedLightBySize(bands, isOpen, change.isKnown, grounds, grid)
    changed.forEach((light, i) => {
      if (!Number.isNaN(light)) relative[i] = light
    })
  }
  const isLit = litTest(relative, changed, bands.nir, bands.swir16, isLand)
  // Land in deep shadow looks like water; where the chain knows land, it is.
  const isLake = date.water.map((v, i) => (v === 1 && change?.isKnown[i] !== 1 ? 1 : 0))
  const shadows = cloudShadows({
    grid,
    isValid: date.isValid,
    cloud,
    isExcluded: isLake.map((v, i) => v | date.snow[i]! | (terrain?.[i] ?? 0)),
    relative,
    isLit,
    path: sky === null ? null : new ShadowPath(grid, sky.sun, sky.view, altitudeM),
  })
  const shadow = shadows.inside.map((v, i) => v | shadows.outside[i]!)
  const glint = sky === null ? null : glintCells(date.water, sky.sun, sky.view)
  const reach = input.dilationM / grid.pixelWidthM
  const nearCloud = dilated(
    cloud.map((v, i) => v | thin[i]!),
    grid,
    reach,
  )
  const nearShadow = dilated(shadow, grid, SHADOW_DILATION_PART * reach)
  const bits = new Uint16Array(size)
  // Plane by plane: a look at all of them for each cell takes five times as long.
  const set = (plane: Uint8Array | null | undefined, name: keyof typeof MASK_BITS) => {
    if (plane === null || plane === undefined) return
    const value = bit(name)
    for (let i = 0; i < size; i++) if (plane[i] === 1) bits[i]! |= value
  }
  const [isCloudy, isShady] = [bit('cloud'), bit('shadowInside') | bit('shadowOutside')]
  set(date.snow, 'snow')
  set(date.water, 'water')
  set(cloud, 'cloud')
  set(shadows.inside, 'shadowInside')
  set(shadows.outside, 'shadowOutside')
  const notUnderCloud = ~(bit('snow') | bit('water'))
  const notInShadow = ~bit('water')
  for (let i = 0; i < size; i++) {
    if ((bits[i]! & isCloudy) !== 0) bits[i]! &= notUnderCloud
    else if ((bits[i]! & isShady) !== 0) bits[i]! &= notInShadow
  }
  set(nearCloud, 'cloudOrShadow')
  set(nearShadow, 'cloudOrShadow')
  set(mono, 'monoTemporal')
  set(change?.cloud, 'multiTemporal')
  set(thin, 'thin')
  set(cirrus, 'cirrus')
  set(terrain, 'topographicShadow')
  set(glint, 'sunGlint')
  for (let i = 0; i < size; i++) if (date.isValid[i] === 0) bits[i] = 0
  return { bits, heights: shadows.heights }
}

/** A rim of the date alone counts where the chain does not know the ground or sees it changed. */
const isThin = (ofDate: number, change: ChangeClouds | null, i: number): boolean =>
  change?.thin[i] === 1 || (ofDate === 1 && change?.isUnchanged[i] !== 1)
