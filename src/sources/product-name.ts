/** What the name of a product as delivered says of it; everything is proved by its metadata once it is there. */
export interface NamedFacts {
  readonly platform: string
  readonly tile: string
  /** Null where the name does not say it. */
  readonly relativeOrbit: number | null
  /** ISO 8601 UTC; of Landsat the day. */
  readonly sensedAt: string
  /** Of Landsat without ground control: never corrected. */
  readonly isIgnoredLevel: boolean
}

/** `S2A_MSIL1C_20250510T105621_N0511_R094_T31TCJ_20250510T143512`: ESA, Sentinel-2 Products Specification Document, compact naming. */
const S2 =
  /^(S2[A-Z])_MSIL(?:1C|2A)_(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})_N\d{4}_R(\d{3})_T(\d{2}[A-Z]{3})_\d{8}T\d{6}$/
/** `LC08_L1TP_198030_20250510_20250518_02_T1`: USGS, Landsat Collection 2 Level 1 Data Format Control Book. */
const LANDSAT = /^(L[COT]0[89])_(L1TP|L1GT|L1GS)_(\d{6})_(\d{4})(\d{2})(\d{2})_\d{8}_\d{2}_(?:RT|T1|T2)$/

/** A product's name without what services put behind it: `.SAFE`, an ending of an archive. Pure. */
export const productName = (text: string): string =>
  text.replace(/\.(SAFE|zip|tar|tgz|tar\.gz)$/i, '').replace(/\.SAFE$/i, '')

/** Null for a name of another kind. Pure. */
export function factsOfName(name: string): NamedFacts | null {
  const s2 = S2.exec(name)
  if (s2 !== null) {
    const [, platform = '', year, month, day, hour, minute, second, orbit, tile = ''] = s2
    return {
      platform,
      tile,
      relativeOrbit: Number(orbit),
      sensedAt: `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`,
      isIgnoredLevel: false,
    }
  }
  const landsat = LANDSAT.exec(name)
  if (landsat === null) return null
  const [, platform = '', level, tile = '', year, month, day] = landsat
  return {
    platform,
    tile,
    relativeOrbit: Number(tile.slice(0, 3)),
    sensedAt: `${year}-${month}-${day}T00:00:00.000Z`,
    isIgnoredLevel: level !== 'L1TP',
  }
}
