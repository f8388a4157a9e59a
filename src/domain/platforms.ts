import type { L1Platform } from './l1-scene.js'

/** How STAC items name a platform, and the mean height of its orbit. */
export interface PlatformFacts {
  readonly platform: string
  readonly constellation: string
  readonly instruments: readonly string[]
  /** km above the Earth's mean radius; Sentinel-2 mission guide, Landsat data users' handbooks. */
  readonly orbitKm: number
}

const sentinel2 = (letter: string): PlatformFacts => ({
  platform: `sentinel-2${letter}`,
  constellation: 'sentinel-2',
  instruments: ['msi'],
  orbitKm: 786,
})
const landsat = (number: number, instruments: readonly string[]): PlatformFacts => ({
  platform: `landsat-${number}`,
  constellation: 'landsat',
  instruments,
  orbitKm: 705,
})

export const PLATFORMS: Readonly<Record<L1Platform, PlatformFacts>> = {
  S2A: sentinel2('a'),
  S2B: sentinel2('b'),
  S2C: sentinel2('c'),
  LC08: landsat(8, ['oli', 'tirs']),
  LO08: landsat(8, ['oli']),
  LC09: landsat(9, ['oli', 'tirs']),
  LO09: landsat(9, ['oli']),
}
