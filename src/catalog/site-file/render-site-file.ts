import { stringify } from 'smol-toml'
import { SETTING_KEYS } from '../../config/settings.js'
import type { Satellite } from '../../db/catalog/site-tiles.js'
import type { TileName } from '../../domain/tile-name.js'
import { keyOf } from '../site-tiles.js'
import type { SiteState } from './read-site-state.js'

/** A site and what its area touches. */
export interface RenderedSite {
  readonly state: SiteState
  readonly touched: readonly TileName[]
}

/** A site with its sub-sites as a file that `tilth site apply` reads; applied to the same site it changes nothing. Pure. */
export function renderSiteFile(site: RenderedSite, subSites: readonly RenderedSite[]): string {
  return [
    `# Site ${site.state.site.slug}. \`tilth site apply FILE\` shows what differs and makes it so. A part that is left out stays as it is.`,
    '',
    block(site, 'site'),
    ...subSites.map((child) => block(child, 'site.sub_site')),
  ].join('\n')
}

function block({ state, touched }: RenderedSite, table: string): string {
  const { site, area, seasons, tiles, settings } = state
  const auto = new Set(touched.map(keyOf))
  const filter = (satellite: Satellite) => {
    const rows = tiles.filter((row) => row.satellite === satellite)
    if (rows.length === 0) return []
    const names = (wanted: (row: (typeof rows)[number]) => boolean) =>
      rows.filter(wanted).map(({ tile }) => tile)
    return [
      `[${table}.tiles.${satellite}]`,
      `add = ${value(names((row) => row.enabled && !auto.has(keyOf(row))))} # besides those that the area touches`,
      `off = ${value(names((row) => !row.enabled))}`,
    ]
  }
  const known = SETTING_KEYS.filter((key) => key in settings)
  return [
    `[[${table}]]`,
    `slug = ${value(site.slug)}`,
    `name = ${value(site.name)}`,
    `paused = ${String(site.paused)}`,
    // Literal text: JSON has no single quotes of its own in numbers and these keys.
    `geometry = '${JSON.stringify(area)}'`,
    ...(seasons.length === 0 ? ['season = []'] : []),
    ...filter('s2'),
    ...filter('landsat'),
    `[${table}.settings]`,
    ...known.map((key) => `"${key}" = ${value(settings[key])}`),
    ...seasons.flatMap(({ name, startsOn, midOn, endsOn }) => [
      `[[${table}.season]]`,
      `name = ${value(name)}`,
      `start = ${startsOn}`,
      `mid = ${midOn}`,
      `end = ${endsOn}`,
    ]),
    '',
  ].join('\n')
}

const value = (of: unknown): string => stringify({ a: of }).trim().slice('a = '.length)
