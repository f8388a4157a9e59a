import { isDeepStrictEqual } from 'node:util'
import { SETTING_KEYS, type SettingKey, type SettingValue } from '../../config/settings.js'
import type { TileRow } from '../../db/catalog/site-tiles.js'
import type { SeasonRow } from '../../db/catalog/sites.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import type { TileName } from '../../domain/tile-name.js'
import { followArea, keyOf } from '../site-tiles.js'
import type { SiteState } from './read-site-state.js'
import type { SiteDocument } from './site-document.js'

/** One line of the difference between a file and what is. */
export interface ChangeLine {
  readonly sign: '+' | '~' | '-'
  readonly text: string
}

/** What has to be done to one site. */
export interface SiteChange {
  readonly slug: string
  readonly isNew: boolean
  readonly name: string
  readonly paused: boolean
  /** Slug of the parent; null: none. */
  readonly parent: string | null
  /** Null: stays as it is. */
  readonly area: GeoJsonArea | null
  readonly tiles: readonly TileRow[] | null
  readonly seasons: { readonly remove: readonly string[]; readonly put: readonly SeasonRow[] }
  readonly settings: {
    readonly unset: readonly SettingKey[]
    readonly set: readonly (readonly [SettingKey, SettingValue])[]
  }
  /** Sub-sites that the file does not have: they become part of this site again. */
  readonly merge: readonly string[]
  readonly lines: readonly ChangeLine[]
}

/**
 * What makes a site what its document says; no lines where it is so already. `parent` undefined: the document stands by itself, the site
 * keeps the parent that it has. `touched` gives the tiles of an area. Pure.
 */
export function planSiteChange(
  document: SiteDocument,
  state: SiteState | undefined,
  parent: string | undefined,
  touched: (area: GeoJsonArea, slug: string) => readonly TileName[],
): SiteChange {
  const { slug } = document
  const lines: ChangeLine[] = []
  const say = (sign: ChangeLine['sign'], text: string) => lines.push({ sign, text })
  const name = document.name ?? state?.site.name ?? slug
  const paused = document.paused ?? state?.site.paused ?? false
  const newParent = parent ?? state?.site.parent ?? null
  if (state === undefined)
    say('+', `site ${slug} '${name}'${newParent === null ? '' : ` below ${newParent}`}`)
  else {
    if (name !== state.site.name) say('~', `name '${state.site.name}' becomes '${name}'`)
    if (newParent !== state.site.parent)
      say('~', `parent ${state.site.parent ?? 'none'} becomes ${newParent ?? 'none'}`)
  }
  if (paused !== (state?.site.paused ?? false)) say('~', paused ? 'is paused' : 'goes on')
  const area =
    document.area === undefined || isDeepStrictEqual(document.area, state?.area) ? null : document.area
  if (area !== null && state !== undefined)
    say('~', `area: ${vertices(state.area)} vertices become ${vertices(area)}`)
  const tiles = planTiles(document, state, area, touched, say)
  const seasons = planSeasons(document, state, say)
  const settings = planSettings(document, state, say)
  const wanted = new Set(document.subSites?.map((child) => child.slug))
  const merge =
    document.subSites === undefined ? [] : (state?.site.subSites ?? []).filter((child) => !wanted.has(child))
  for (const child of merge) say('-', `sub-site ${child}: becomes part of ${slug} again`)
  return {
    slug,
    isNew: state === undefined,
    name,
    paused,
    parent: newParent,
    area,
    tiles,
    seasons,
    settings,
    merge,
    lines,
  }
}

type Say = (sign: ChangeLine['sign'], text: string) => void

function planTiles(
  document: SiteDocument,
  state: SiteState | undefined,
  newArea: GeoJsonArea | null,
  touched: (area: GeoJsonArea, slug: string) => readonly TileName[],
  say: Say,
): readonly TileRow[] | null {
  const area = newArea ?? state?.area
  if (area === undefined || (newArea === null && document.tiles === undefined)) return null
  const auto = touched(area, document.slug)
  const isAuto = new Set(auto.map(keyOf))
  let rows = newArea === null ? (state?.tiles ?? []) : followArea(state?.tiles ?? [], auto)
  for (const satellite of ['s2', 'landsat'] as const) {
    const filter = document.tiles?.[satellite]
    if (filter === undefined) continue
    const names = auto.filter((row) => row.satellite === satellite).map(({ tile }) => tile)
    const on = new Set(
      filter.only ?? [
        ...names.filter((tile) => !filter.off.includes(tile)),
        ...filter.add.filter((tile) => !filter.off.includes(tile)),
      ],
    )
    rows = [
      ...rows.filter((row) => row.satellite !== satellite),
      ...[...new Set([...names, ...filter.off, ...on])].sort().map((tile) => ({
        ...{ satellite, tile, enabled: on.has(tile) },
        origin: isAuto.has(keyOf({ satellite, tile })) ? ('auto' as const) : ('manual' as const),
      })),
    ]
  }
  const before = new Set(state?.tiles.filter((row) => row.enabled).map(keyOf))
  const after = new Set(rows.filter((row) => row.enabled).map(keyOf))
  const list = (from: ReadonlySet<string>, without: ReadonlySet<string>) =>
    [...from].filter((key) => !without.has(key)).map((key) => key.split(' ')[1] ?? '')
  const added = list(after, before)
  const removed = list(before, after)
  if (added.length > 0) say('+', `tiles ${added.join(' ')}`)
  if (removed.length > 0) say('~', `tiles off: ${removed.join(' ')}`)
  return added.length + removed.length > 0 || newArea !== null ? rows : null
}

function planSeasons(document: SiteDocument, state: SiteState | undefined, say: Say): SiteChange['seasons'] {
  const before = state?.seasons ?? []
  const wanted = document.seasons ?? before
  const remove = before.filter(({ name }) => !wanted.some((season) => season.name === name))
  const put = wanted.filter(
    (season) => !before.some((known) => isDeepStrictEqual({ ...known }, { ...season })),
  )
  for (const season of put) {
    const known = before.find(({ name }) => name === season.name)
    const days = `${season.startsOn} to ${season.endsOn}, middle ${season.midOn}`
    if (known === undefined) say('+', `season ${season.name}: ${days}`)
    else
      say(
        '~',
        `season ${season.name}: ${known.startsOn} to ${known.endsOn}, middle ${known.midOn}, becomes ${days}`,
      )
  }
  for (const { name, startsOn, endsOn } of remove) say('-', `season ${name}: ${startsOn} to ${endsOn}`)
  return { remove: remove.map(({ name }) => name), put }
}

function planSettings(
  document: SiteDocument,
  state: SiteState | undefined,
  say: Say,
): SiteChange['settings'] {
  const before = state?.settings ?? {}
  const wanted = document.settings
  if (wanted === undefined) return { set: [], unset: [] }
  const set = SETTING_KEYS.flatMap((key) => {
    const value = wanted[key]
    return value === undefined || isDeepStrictEqual(value, before[key]) ? [] : [[key, value] as const]
  })
  // Rows that this version does not know are not its to remove.
  const unset = SETTING_KEYS.filter((key) => key in before && wanted[key] === undefined)
  for (const [key, value] of set) {
    const was = key in before ? `${JSON.stringify(before[key])} becomes ` : ''
    say(key in before ? '~' : '+', `setting ${key}: ${was}${JSON.stringify(value)}`)
  }
  for (const key of unset) say('-', `setting ${key} = ${JSON.stringify(before[key])}`)
  return { set, unset }
}

function vertices(area: GeoJsonArea): number {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates
  return polygons.flat().reduce((sum, ring) => sum + ring.length - 1, 0)
}
