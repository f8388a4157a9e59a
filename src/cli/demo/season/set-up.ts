import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toLonLat } from '../../../raster/transform.js'
import type { Commands } from './commands.js'
import type { Scenario, ScenarioSite } from './scenario.js'
import { COLLECTIONS } from './stac-server.js'

/** In a year of minutes everything that waits by the real time waits for seconds; pixels do not depend on any of it. */
const FAST = {
  'schedule.cron': '* * * * * *',
  'sources.interval_s': 2,
  'sources.rescan_s': 5,
  'sources.retry_s': 1,
  'sources.backoff_s': 0.2,
  'ingest.copy_quiet_s': 2,
  'retry.backoff_s': 1,
  'retry.backoff_max_s': 5,
  // Kills are no reason to give a step up.
  'retry.max_failures': 20,
  'executor.grace_s': 5,
  'storage.min_free_mb': 256,
  'processor.l2a.tile_threads_hint': 1,
  'processor.ndvi.tile_threads_hint': 1,
  'processor.composite.tile_threads_hint': 1,
  'slurm.poll_s': 1,
  'slurm.element_target_s': 20,
  'slurm.bad_node_s': 10,
  'slurm.memory_extra_mb': 128,
} as const

/** Where processes are killed, what they held is soon free again. Not elsewhere: on a loaded machine a process may take longer to begin. */
const SHORT_LEASES = { 'executor.lease_s': 10 } as const

/** Composites wait so long for what is known and not corrected yet, days of the season. */
const WAIT_DAYS = 40

/** Sites, seasons, sources, schedules and the clock of a round, by the commands that a user would run. */
export async function setUp(
  commands: Commands,
  {
    scenario,
    folder,
    incoming,
    stacUrl,
    executor,
    withKills,
  }: {
    readonly scenario: Scenario
    readonly folder: string
    readonly incoming: string
    readonly stacUrl: string
    readonly executor: 'local' | 'slurm'
    readonly withKills: boolean
  },
): Promise<void> {
  const { sites, season, cloudMax } = scenario
  const settings = { ...FAST, ...(withKills ? SHORT_LEASES : {}), 'executor.kind': executor }
  const lines = Object.entries(settings).map(([key, value]) => `"${key}" = ${JSON.stringify(value)}`)
  await writeFile(join(folder, 'settings.toml'), `[global]\n${lines.join('\n')}\n`)
  await commands.run('config', 'import', join(folder, 'settings.toml'))
  await writeFile(join(folder, 'sites.toml'), sites.map((site) => siteToml(site, season)).join('\n'))
  await commands.run('site', 'apply', join(folder, 'sites.toml'), '--yes')
  for (const { slug, parts } of sites)
    if (parts !== null) await commands.run('site', 'split', slug, '--by', 'balanced', String(parts))
  for (const satellite of ['s2', 'landsat'] as const) {
    const of = ['--satellite', satellite]
    await commands.run(
      ...['sources', 'add', `${satellite}-folder`, ...of, '--kind', 'folder', '--order', '1'],
      ...['--set', `path=${join(incoming, satellite)}`],
    )
    await commands.run(
      ...['sources', 'add', `${satellite}-stac`, ...of, '--kind', 'stac', '--order', '2'],
      ...['--set', `url=${stacUrl}`, '--set', `collections=["${COLLECTIONS[satellite]}"]`],
      ...['--set', 'rate_per_s=1000', '--set', `filters.cloud_max=${cloudMax}`],
    )
  }
  await commands.run('schedule', 'clock', '--at', `${season.start}T00:00Z`, '--speed', '0')
  for (const { slug } of sites) {
    for (const name of ['l2a', 'ndvi', 'composite-renewal'])
      await commands.run('schedule', 'edit', slug, name, '--retry', name === 'composite-renewal' ? '5' : '1')
    await commands.run('schedule', 'edit', slug, 'composite', '--retry', '1', '--wait', String(WAIT_DAYS))
  }
}

function siteToml(site: ScenarioSite, season: Scenario['season']): string {
  const quoted = (names: readonly string[]) => `[${names.map((name) => `"${name}"`).join(', ')}]`
  const polygons = site.rings.map((ring) => {
    const points = toLonLat(site.epsg, ring)
    const closed = [...points, ...points.slice(0, 1)]
    return `((${closed.map(([lon, lat]) => `${lon.toFixed(5)} ${lat.toFixed(5)}`).join(', ')}))`
  })
  return `[[site]]
slug = "${site.slug}"
name = "${site.name}"
geometry = "MULTIPOLYGON (${polygons.join(', ')})"
[site.tiles.s2]
only = ${quoted(site.s2)}
[site.tiles.landsat]
only = ${quoted(site.landsat)}
[[site.season]]
name = "${season.name}"
start = ${season.start}
mid = ${season.mid}
end = ${season.end}
`
}
