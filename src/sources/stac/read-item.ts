import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { StacConfig } from '../config.js'
import { checkDistinct, safeAssetPath } from '../download/asset-path.js'
import { namedChecksum, parseMultihash } from '../download/checksum.js'
import { factsOfName, productName } from '../product-name.js'
import type { Asset, Checksum, Content, Found, Offer } from '../source.js'

const assetSchema = z.looseObject({
  href: z.string().min(1),
  type: z.string().optional().catch(undefined),
  roles: z.array(z.string()).optional().catch(undefined),
})
type ItemAsset = z.infer<typeof assetSchema>

/** A STAC Item as far as it is used (https://github.com/radiantearth/stac-spec, item-spec 1.0 and 1.1). */
const itemSchema = z.looseObject({
  id: z.string().min(1).max(500),
  collection: z.string().nullish(),
  properties: z.record(z.string(), z.unknown()),
  assets: z.record(z.string(), assetSchema),
})

const ARCHIVE_TYPE = /^application\/(zip|x-zip-compressed|x-tar|gzip|x-gzip|tar\+gzip)\b/
const ARCHIVE_PATH = /\.(zip|tar|tgz|tar\.gz)$/i
/** Pictures for people and other forms of the item: no part of the product as delivered. */
const ASIDE: ReadonlySet<string> = new Set(['thumbnail', 'overview', 'visual', 'graphic'])
const ASIDE_TYPE = /^(text\/html|application\/(geo\+)?json; ?profile=.*stac.*)/

/** What an item of a search offers. `base` is the address of the page, for relative hrefs. Pure. */
export function readItem(json: unknown, config: StacConfig, base: string): Found {
  const parsed = itemSchema.safeParse(json)
  if (!parsed.success)
    return { skipped: `an item is no STAC Item: ${parsed.error.issues[0]?.path.join('.') ?? ''}` }
  const { id, properties, assets } = parsed.data
  const text = (key: string): string | null => {
    const value = properties[key]
    return typeof value === 'string' && value !== '' ? value : null
  }
  const number = (key: string): number | null => {
    const value = properties[key]
    return typeof value === 'number' && Number.isFinite(value) ? value : null
  }
  const product = productName(text('s2:product_uri') ?? text('landsat:product_id') ?? id)
  const named = factsOfName(product)
  const time = text('datetime') ?? text('start_datetime') ?? named?.sensedAt ?? ''
  if (Number.isNaN(Date.parse(time))) return { skipped: `item ${id} has no datetime` }
  const offer: Omit<Offer, 'content' | 'bytes'> = {
    remoteId: id,
    product,
    platform: named?.platform ?? platformOf(text('platform')),
    tile: named?.tile ?? tileOf(properties),
    relativeOrbit: number('sat:relative_orbit') ?? named?.relativeOrbit ?? null,
    sensedAt: new Date(time).toISOString(),
    cloudPercent: number('eo:cloud_cover'),
  }
  try {
    const content = contentOf(product, assets, config, base)
    const sizes = content.assets.map((asset) => asset.bytes)
    const bytes = sizes.every((size) => size !== null) ? sizes.reduce((sum, size) => sum + size, 0) : null
    return { offer: { ...offer, bytes, content } }
  } catch (error) {
    if (
      !(error instanceof ProcessingError) ||
      (error.code !== 'ASSET_MISSING' && error.code !== 'ASSET_UNSAFE')
    )
      throw error
    return {
      offer: { ...offer, bytes: null, content: { kind: 'none', code: error.code, reason: error.message } },
    }
  }
}

/** Throws ASSET_MISSING, ASSET_UNSAFE. */
function contentOf(
  product: string,
  assets: Readonly<Record<string, ItemAsset>>,
  config: StacConfig,
  base: string,
): Content {
  const chosen = chosenAssets(assets, config)
  const [first] = chosen
  const missing = (what: string) => new ProcessingError('ASSET_MISSING', `Item of ${product} ${what}.`)
  if (first === undefined) throw missing('has no asset that can be fetched')
  if (chosen.length === 1 && isArchive(first.asset)) {
    const asset = assetAt(first.asset, base, safeAssetPath(archiveName(first.asset.href)))
    return { kind: 'archive', assets: [asset], isOffline: false }
  }
  const files = chosen.map(({ asset, path }) => assetAt(asset, base, path ?? pathInProduct(asset, product)))
  checkDistinct(files.map(({ path }) => path))
  return { kind: 'files', assets: files, isOffline: false }
}

function chosenAssets(
  assets: Readonly<Record<string, ItemAsset>>,
  { assets: wanted }: StacConfig,
): readonly { asset: ItemAsset; path?: string }[] {
  const named = (key: string): ItemAsset => {
    const asset = Object.hasOwn(assets, key) ? assets[key] : undefined
    if (asset !== undefined) return asset
    throw new ProcessingError(
      'ASSET_MISSING',
      `An item has no asset '${key}'; it has ${Object.keys(assets).slice(0, 30).join(', ')}.`,
    )
  }
  if (Array.isArray(wanted)) return wanted.map((key) => ({ asset: named(key) }))
  if (wanted !== undefined)
    return Object.entries(wanted).map(([key, path]) => ({ asset: named(key), path: safeAssetPath(path) }))
  const usable = Object.values(assets).filter(
    ({ href, roles = [], type = '' }) =>
      /^(https?|s3):|^[^:]*$/.test(href) && !roles.some((role) => ASIDE.has(role)) && !ASIDE_TYPE.test(type),
  )
  const archive = usable.find(isArchive)
  return (archive === undefined ? usable : [archive]).map((asset) => ({ asset }))
}

const pathOf = (href: string): string => href.replace(/[?#].*$/s, '').replace(/^[a-z0-9]+:\/\/[^/]*/i, '')
const isArchive = ({ href, type = '' }: ItemAsset): boolean =>
  ARCHIVE_TYPE.test(type) || ARCHIVE_PATH.test(pathOf(href))

/** The ending tells what it is; the name itself is of no importance. */
const archiveName = (href: string): string =>
  `product${ARCHIVE_PATH.exec(pathOf(href))?.[0].toLowerCase() ?? '.zip'}`

/**
 * Where a file lies in its product: as the item says (`file:local_path`), from `NAME.SAFE` on where the address holds such a folder, else by
 * its last part in a folder named after the product, as Landsat and the open-data bucket of Sentinel-2 are. Throws ASSET_UNSAFE.
 */
function pathInProduct(asset: ItemAsset, product: string): string {
  const local = asset['file:local_path']
  if (typeof local === 'string')
    return safeAssetPath(local.includes('.SAFE/') ? local : `${product}/${local}`)
  let parts: string[]
  try {
    parts = pathOf(asset.href).split('/').map(decodeURIComponent)
  } catch {
    throw new ProcessingError('ASSET_UNSAFE', `'${asset.href.slice(0, 200)}' is no well-formed address.`)
  }
  const safe = parts.findIndex((part) => part.endsWith('.SAFE'))
  const inside = safe >= 0 && safe < parts.length - 1 ? parts.slice(safe) : [product, parts.at(-1) ?? '']
  // A part that holds a slash once decoded would be two.
  if (inside.some((part) => part.includes('/')))
    throw new ProcessingError('ASSET_UNSAFE', `'${asset.href.slice(0, 200)}' holds an encoded slash.`)
  return safeAssetPath(inside.join('/'))
}

function assetAt(asset: ItemAsset, base: string, path: string): Asset {
  const size = asset['file:size']
  return {
    href: /^s3:/.test(asset.href) ? asset.href : absolute(asset.href, base),
    path,
    bytes: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : null,
    checksum: checksumOf(asset),
  }
}

function absolute(href: string, base: string): string {
  if (URL.canParse(href, base)) return new URL(href, base).href
  throw new ProcessingError('ASSET_MISSING', `'${href.slice(0, 200)}' is no address.`)
}

/** `file:checksum` of the file extension; before it was there, `checksum:multihash`; some give a plain `checksum:md5` and the like. */
function checksumOf(asset: ItemAsset): Checksum | null {
  for (const key of ['file:checksum', 'checksum:multihash']) {
    const value = asset[key]
    const found = typeof value === 'string' ? parseMultihash(value) : null
    if (found !== null) return found
  }
  for (const name of ['sha512', 'sha256', 'sha1', 'md5'])
    for (const key of [`checksum:${name}`, `file:${name}`, name]) {
      const value = asset[key]
      const found = typeof value === 'string' ? namedChecksum(name, value) : null
      if (found !== null) return found
    }
  return null
}

/** STAC's `sentinel-2a`, `landsat-8` as the catalogue names them. */
function platformOf(text: string | null): string | null {
  const s2 = /^sentinel-?2([a-z])$/i.exec(text ?? '')?.[1]
  if (s2 !== undefined) return `S2${s2.toUpperCase()}`
  const landsat = /^landsat-?([89])$/i.exec(text ?? '')?.[1]
  return landsat === undefined ? null : `LC0${landsat}`
}

/** `grid:code` and the mgrs and landsat extensions, and what services used before these. */
function tileOf(properties: Readonly<Record<string, unknown>>): string | null {
  const at = (key: string): string => {
    const value = properties[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  const code = /^(?:MGRS-)?T?(\d{1,2}[C-X][A-Z]{2})$/.exec(
    at('grid:code') || at('s2:mgrs_tile') || at('s2:tile_id'),
  )?.[1]
  if (code !== undefined) return code.padStart(5, '0')
  const mgrs = `${at('mgrs:utm_zone').padStart(2, '0')}${at('mgrs:latitude_band')}${at('mgrs:grid_square')}`
  if (/^\d{2}[C-X][A-Z]{2}$/.test(mgrs)) return mgrs
  const wrs = `${at('landsat:wrs_path').padStart(3, '0')}${at('landsat:wrs_row').padStart(3, '0')}`
  return /^(?!000)\d{6}$/.test(wrs) && at('landsat:wrs_row') !== '' ? wrs : null
}
