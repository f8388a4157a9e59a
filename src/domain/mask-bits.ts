/** Bits of MASK.tif (uint16), numbered from 0. Documented in docs/products.md. */
export const MASK_BITS = {
  cloudOrShadow: 0,
  cloud: 1,
  shadowInside: 2,
  shadowOutside: 3,
  monoTemporal: 4,
  multiTemporal: 5,
  thin: 6,
  cirrus: 7,
  snow: 8,
  water: 9,
  topographicShadow: 10,
  lowSun: 11,
  sunGlint: 12,
  saturatedVisible: 13,
  defaultAtmosphere: 14,
  noData: 15,
} as const

/** The bits as metadata of MASK.tif. */
export const MASK_METADATA: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MASK_BITS).map(([name, bit]) => [`BIT_${bit}`, name]),
)
