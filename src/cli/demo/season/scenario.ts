import { seededRandom } from '../../../../bench/chaos/plan.js'
import { dayNumber, dayText } from '../../../domain/calendar-day.js'

/** What is wrong with a product for ever: no L2A can come of it, and `tilth why` has to say why. */
export const FAULTS = {
  'truncated image': { via: 'folder', codes: ['RASTER_UNREADABLE', 'PRODUCT_INCOMPLETE'] },
  'missing band': { via: 'folder', codes: ['PRODUCT_INCOMPLETE'] },
  'wrong XML': { via: 'folder', codes: ['METADATA_INVALID'] },
  'half-copied': { via: 'folder', codes: ['PRODUCT_INCOMPLETE'] },
  'wrong checksum': { via: 'stac', codes: ['CHECKSUM_MISMATCH'] },
  'file gone': { via: 'stac', codes: ['ASSET_MISSING'] },
} as const
export type Fault = keyof typeof FAULTS

/** What goes wrong once and has to mend itself. */
export const HITCHES = {
  'copied in two parts': 'folder',
  'cut download': 'stac',
  'busy server': 'stac',
  'from both sources': 'stac',
} as const
export type Hitch = keyof typeof HITCHES

export type Via = 'folder' | 'stac'

export interface ScenarioSite {
  readonly slug: string
  readonly name: string
  /** Corners of its polygons, metres of `epsg`. */
  readonly epsg: number
  readonly rings: readonly (readonly (readonly [number, number])[])[]
  readonly s2: readonly string[]
  readonly landsat: readonly string[]
  /** Into how many sub-sites it is split; null: it stays whole. */
  readonly parts: number | null
}

export interface ScenarioTile {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Days from the first of the season to its first pass. */
  readonly phaseDays: number
}

/** One pass over a tile: simulated, or under clouds so thick that the server lists it and the source's filter leaves it out. */
export interface PlannedPass extends Omit<ScenarioTile, 'phaseDays'> {
  /** Sensing, YYYY-MM-DD. */
  readonly date: string
  readonly platform: 'S2A' | 'S2B' | 'L8'
  /** Processing baseline; of Landsat the collection stands for it. */
  readonly baseline: string
  readonly via: Via
  /** When it can be found, ms since 1970 by the clock of the season. */
  readonly publishedMs: number
  /** Published after later dates of its tile were. */
  readonly isLate: boolean
  /** Only a listing of the server: cloud cover in percent, above the filter. Null: it is simulated. */
  readonly listedCloud: number | null
  readonly fault: Fault | null
  readonly hitch: Hitch | null
}

export interface Scenario {
  readonly sites: readonly ScenarioSite[]
  readonly season: {
    readonly name: string
    readonly start: string
    readonly mid: string
    readonly end: string
  }
  /** Day on which the clock stands still. */
  readonly until: string
  /** Cloud cover in percent above which the STAC sources leave an acquisition out. */
  readonly cloudMax: number
  readonly passes: readonly PlannedPass[]
}

export type ScenarioSize = 'full' | 'small'

const DAY_MS = 86_400_000
/** Repeat cycles of one platform, days. */
const REPEAT_DAYS = { s2: 10, landsat: 16 } as const
const CLOUD_MAX = 85
/** A date that shall be late has a later one of its tile within so many days, which is published long before it. */
const FOLLOWED_DAYS = 20

const rectangle = (west: number, south: number, east: number, north: number) =>
  [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ] as const

const GARONNE: ScenarioSite = {
  slug: 'garonne',
  name: 'Garonne',
  epsg: 32631,
  // Within 31TCJ, 31TDJ and 31TCH each, off their overlaps.
  rings: [
    rectangle(340_000, 4_815_000, 380_000, 4_850_000),
    rectangle(430_000, 4_815_000, 470_000, 4_850_000),
    rectangle(340_000, 4_740_000, 380_000, 4_775_000),
  ],
  s2: ['31TCJ', '31TDJ', '31TCH'],
  landsat: ['198030'],
  parts: 3,
}

/** Its northern half lies in the eastern part of the Garonne site. */
const LAURAGAIS: ScenarioSite = {
  slug: 'lauragais',
  name: 'Lauragais',
  epsg: 32631,
  rings: [rectangle(440_000, 4_750_000, 465_000, 4_835_000)],
  s2: ['31TDJ', '31TDH'],
  landsat: [],
  parts: null,
}

const PO: ScenarioSite = {
  slug: 'po',
  name: 'Po plain',
  epsg: 32632,
  rings: [rectangle(640_000, 4_930_000, 760_000, 4_970_000)],
  s2: ['32TPQ', '32TQQ'],
  landsat: ['192029'],
  parts: null,
}

const YEAR = {
  sites: [GARONNE, LAURAGAIS, PO],
  season: { name: '2025', start: '2025-01-01', mid: '2025-07-01', end: '2025-12-31' },
  until: '2026-02-20',
  tiles: [
    { satellite: 's2', tile: '31TCJ', phaseDays: 2 },
    { satellite: 's2', tile: '31TDJ', phaseDays: 2 },
    { satellite: 's2', tile: '31TCH', phaseDays: 5 },
    { satellite: 's2', tile: '31TDH', phaseDays: 5 },
    { satellite: 's2', tile: '32TPQ', phaseDays: 7 },
    { satellite: 's2', tile: '32TQQ', phaseDays: 7 },
    { satellite: 'landsat', tile: '198030', phaseDays: 4 },
    { satellite: 'landsat', tile: '192029', phaseDays: 11 },
  ],
  clear: { s2: 16, landsat: 12 },
  late: 8,
  faults: ['truncated image', 'missing band', 'wrong XML', 'half-copied', 'wrong checksum', 'file gone'],
  hitches: [
    'copied in two parts',
    'cut download',
    'busy server',
    'from both sources',
    'copied in two parts',
    'cut download',
  ],
  reprocessed: 2,
  /** A month whose only clear date comes long after its composite was due, and one that has none at all. */
  lateMonth: {
    tile: '32TQQ',
    from: '2025-06-15',
    clear: '2025-07-17',
    to: '2025-08-14',
    publishedOn: '2025-11-20',
  },
  darkMonth: { tile: '31TCH', from: '2025-10-16', to: '2025-12-14' },
} as const satisfies Plan

const SMALL = {
  sites: [
    { ...GARONNE, rings: GARONNE.rings.slice(0, 2), s2: ['31TCJ', '31TDJ'], landsat: [], parts: 2 },
    {
      ...LAURAGAIS,
      rings: [rectangle(440_000, 4_810_000, 465_000, 4_835_000)],
      s2: ['31TDJ'],
      landsat: ['198030'],
    },
  ],
  season: { name: '2025', start: '2025-04-01', mid: '2025-05-15', end: '2025-06-30' },
  until: '2025-08-05',
  tiles: [
    { satellite: 's2', tile: '31TCJ', phaseDays: 2 },
    { satellite: 's2', tile: '31TDJ', phaseDays: 2 },
    { satellite: 'landsat', tile: '198030', phaseDays: 4 },
  ],
  clear: { s2: 5, landsat: 2 },
  late: 2,
  faults: ['truncated image', 'wrong checksum'],
  hitches: ['copied in two parts', 'cut download'],
  reprocessed: 1,
  lateMonth: null,
  darkMonth: null,
} as const satisfies Plan

interface Span {
  readonly tile: string
  readonly from: string
  readonly to: string
}

interface Plan extends Pick<Scenario, 'sites' | 'season' | 'until'> {
  readonly tiles: readonly ScenarioTile[]
  /** Simulated acquisitions of a tile. */
  readonly clear: Readonly<Record<'s2' | 'landsat', number>>
  readonly late: number
  readonly faults: readonly Fault[]
  readonly hitches: readonly Hitch[]
  /** Acquisitions of which a newer baseline comes later. */
  readonly reprocessed: number
  readonly lateMonth: (Span & { readonly clear: string; readonly publishedOn: string }) | null
  readonly darkMonth: Span | null
}

/** What happens in the demonstration's season, the same for the same seed. Passes in the order of their publication. Pure. */
export function planScenario(size: ScenarioSize, seed: number): Scenario {
  const plan: Plan = size === 'full' ? YEAR : SMALL
  const random = seededRandom(seed)
  const { sites, season, until } = plan
  const listed = plan.tiles.flatMap((tile) => passesOf(tile, plan, random))
  const clear = shuffled(
    listed.filter(({ listedCloud }) => listedCloud === null),
    random,
  )
  const special = assign(clear, plan, random)
  const passes = listed
    .flatMap((pass) => special.get(pass) ?? [pass])
    .sort((a, b) => a.publishedMs - b.publishedMs || (nameOf(a) < nameOf(b) ? -1 : 1))
  return { sites, season, until, cloudMax: CLOUD_MAX, passes }
}

const nameOf = ({ tile, date, baseline }: PlannedPass): string => `${tile} ${date} ${baseline}`

function passesOf(
  { satellite, tile, phaseDays }: ScenarioTile,
  plan: Plan,
  random: () => number,
): PlannedPass[] {
  const first = dayNumber(plan.season.start) + phaseDays
  const last = dayNumber(plan.season.end)
  const days: string[] = []
  for (let day = first; day <= last; day += REPEAT_DAYS[satellite]) days.push(dayText(day))
  const { lateMonth, darkMonth } = plan
  const isIn = (span: Span | null, day: string) => span?.tile === tile && day >= span.from && day <= span.to
  const free = days.filter((day) => !isIn(lateMonth, day) && !isIn(darkMonth, day))
  const own = lateMonth?.tile === tile ? days.filter((day) => day === nearest(days, lateMonth.clear)) : []
  const clear = new Set([...own, ...shuffled(free, random).slice(0, plan.clear[satellite] - own.length)])
  return days.map((date): PlannedPass => {
    const isClear = clear.has(date)
    const isOwn = own.includes(date)
    const delay = 0.5 + 11 * random()
    const cloud = CLOUD_MAX + 1 + Math.floor(14 * random())
    return {
      ...{ satellite, tile, date, baseline: '05.11', isLate: isOwn, fault: null, hitch: null },
      // The second satellite of the pair takes over in the middle of the season.
      platform: satellite === 'landsat' ? 'L8' : date < plan.season.mid ? 'S2A' : 'S2B',
      via: isClear && !isOwn && random() < 0.5 ? 'folder' : 'stac',
      publishedMs:
        isOwn && lateMonth !== null ? Date.parse(lateMonth.publishedOn) : Date.parse(date) + delay * DAY_MS,
      listedCloud: isClear ? null : cloud,
    }
  })
}

const nearest = (days: readonly string[], wanted: string): string | undefined =>
  [...days].sort(
    (a, b) => Math.abs(dayNumber(a) - dayNumber(wanted)) - Math.abs(dayNumber(b) - dayNumber(wanted)),
  )[0]

/** Gives some of the clear passes, each at most one role, their faults and delays; a reprocessed one becomes two. */
function assign(
  clear: readonly PlannedPass[],
  plan: Plan,
  random: () => number,
): ReadonlyMap<PlannedPass, readonly PlannedPass[]> {
  const result = new Map<PlannedPass, readonly PlannedPass[]>()
  const last = Date.parse(plan.until) - 10 * DAY_MS
  const take = (fits: (pass: PlannedPass) => boolean): PlannedPass => {
    const found = clear.find((pass) => !result.has(pass) && !pass.isLate && fits(pass))
    if (found === undefined) throw new RangeError('the scenario has too few clear passes for its roles')
    return found
  }
  const isS2 = ({ satellite }: PlannedPass) => satellite === 's2'
  for (const fault of plan.faults) {
    const pass = take(isS2)
    result.set(pass, [{ ...pass, fault, via: FAULTS[fault].via }])
  }
  for (const hitch of plan.hitches) {
    const pass = take(isS2)
    result.set(pass, [{ ...pass, hitch, via: HITCHES[hitch] }])
  }
  for (let i = 0; i < plan.reprocessed; i++) {
    const pass = take(isS2)
    const again = Math.min(last, pass.publishedMs + (30 + 40 * random()) * DAY_MS)
    result.set(pass, [
      { ...pass, baseline: '05.10' },
      { ...pass, publishedMs: again },
    ])
  }
  // Early enough for later dates to be done by then.
  const isFollowed = (one: PlannedPass) =>
    clear.some(
      (other) =>
        !result.has(other) &&
        other.tile === one.tile &&
        other.date > one.date &&
        dayNumber(other.date) - dayNumber(one.date) <= FOLLOWED_DAYS,
    )
  for (let i = 0; i < plan.late; i++) {
    // Of both satellites in turn.
    const pass = take((one) => isS2(one) === (i % 4 !== 3) && isFollowed(one))
    const publishedMs = Math.min(last, pass.publishedMs + (35 + 60 * random()) * DAY_MS)
    result.set(pass, [{ ...pass, isLate: true, publishedMs }])
  }
  return result
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [result[i], result[j]]
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a]
  }
  return result
}
