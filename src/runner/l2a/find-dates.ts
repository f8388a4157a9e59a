import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { findProducts, type FoundProduct } from '../../products/find-products.js'
import { PRODUCT_KINDS } from '../../products/product-kinds.js'
import { readL1Scene } from '../../products/read-l1-scene.js'
import { withUnpackedInput, type UnpackedInputOptions } from './unpacked-input.js'

/** One L1 acquisition below a folder. */
export interface FoundDate {
  /** Real path of its folder or archive. */
  readonly path: string
  readonly platform: string
  readonly tile: string
  readonly relativeOrbit: number
  /** UTC, `2025-05-10`. A platform sees a tile on one orbit once a day: with these four an acquisition is told. */
  readonly day: string
}

export interface BrokenProduct {
  readonly path: string
  readonly error: ProcessingError
  readonly named: FoundDate | null
}

export interface FoundDates {
  /** In order of time. */
  readonly dates: readonly FoundDate[]
  /** What cannot be read, with the reason, and what its name says. */
  readonly broken: readonly BrokenProduct[]
  /** The same acquisition again, of an older baseline or packed. */
  readonly doubles: readonly (FoundDate & { readonly of: string })[]
}

/**
 * The L1 products below a folder by acquisition; null where the path is no folder with products below it: a product itself, an archive, or nothing that is
 * known, of which its own reader says more. Archives are told by their names; one whose name tells nothing is unpacked for a look. What is no L1 product is told and passed over.
 */
export async function findDates(path: string, unpacking: UnpackedInputOptions): Promise<FoundDates | null> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return null
  const start = await realpath(path)
  let found: readonly FoundProduct[]
  try {
    found = await findProducts(path)
  } catch (error) {
    if (error instanceof ProcessingError && error.code === 'PRODUCT_UNSUPPORTED') return null
    throw error
  }
  if (found.some((one) => one.path === start)) return null
  const byAcquisition = new Map<string, FoundDate>()
  const broken: BrokenProduct[] = []
  const doubles: (FoundDate & { of: string })[] = []
  for (const one of found) {
    unpacking.signal.throwIfAborted()
    const other = otherThanL1(one)
    if (other !== null) {
      unpacking.onNote(`'${one.path}' is ${other}, not L1: passed over.`)
      continue
    }
    try {
      if (one.kind === 'unreadable') throw one.error
      const date = await dateOf(one, unpacking)
      const key = acquisitionKey(date)
      const before = byAcquisition.get(key)
      const [kept, double] = before === undefined || isNewer(date, before) ? [date, before] : [before, date]
      byAcquisition.set(key, kept)
      if (double !== undefined) doubles.push({ ...double, of: kept.path })
    } catch (error) {
      if (!(error instanceof ProcessingError) || unpacking.signal.aborted) throw error
      broken.push({ path: one.path, error, named: byName(one.path) })
    }
  }
  const order = ({ day, tile, path: at }: FoundDate) => `${day} ${tile} ${at}`
  const dates = [...byAcquisition.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1))
  return { dates, broken, doubles }
}

/** What tells an acquisition, of an L1 product and of the L2A product that is made of it. */
export const acquisitionKey = (one: Omit<FoundDate, 'path'>): string =>
  `${one.platform} ${one.tile} ${one.relativeOrbit} ${one.day}`

function otherThanL1(one: FoundProduct): string | null {
  if (one.kind === 's2_l2a_sen2cor' || one.kind === 's2_l2a_maja') return PRODUCT_KINDS[one.kind].name
  return one.kind === 'archive' && /_(MSI)?L2A_/.test(basename(one.path)) ? 'an L2A product' : null
}

async function dateOf(one: FoundProduct, unpacking: UnpackedInputOptions): Promise<FoundDate> {
  const named = one.kind === 'archive' ? byName(one.path) : null
  if (named !== null) return named
  const scene = await withUnpackedInput(one.path, unpacking, readL1Scene)
  const { platform, tile, relativeOrbit, namedAt } = scene
  return { path: one.path, platform, tile, relativeOrbit, day: namedAt.slice(0, 10) }
}

/** As ESA and USGS name their products; null for any other name. */
function byName(path: string): FoundDate | null {
  const name = basename(path)
  const day = (digits: string) => `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}`
  const esa = /^(S2[ABC])_MSIL1C_(\d{8})T\d{6}_N\d{4}_R(\d{3})_T(\d{2}[A-Z]{3})_/.exec(name)
  if (esa !== null) {
    const [, platform = '', digits = '', orbit = '', tile = ''] = esa
    return { path, platform, tile, relativeOrbit: Number(orbit), day: day(digits) }
  }
  const usgs = /^(L[CO]0[89])_L1TP_((\d{3})\d{3})_(\d{8})_/.exec(name)
  if (usgs === null) return null
  const [, platform = '', tile = '', orbit = '', digits = ''] = usgs
  return { path, platform, tile, relativeOrbit: Number(orbit), day: day(digits) }
}

/** Names of one acquisition differ in baseline or generation, then in the time of making, which grow; a folder comes before its archive. */
function isNewer(a: FoundDate, b: FoundDate): boolean {
  const [nameA, nameB] = [a, b].map(({ path }) =>
    basename(path).replace(/(\.SAFE|\.zip|\.tar|\.tgz|\.gz)+$/i, ''),
  )
  if (nameA !== nameB) return (nameA ?? '') > (nameB ?? '')
  return a.path.endsWith(nameA ?? '') || a.path.endsWith('.SAFE')
}
