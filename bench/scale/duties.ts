import { sql } from 'kysely'
import type { App } from '../../src/app.js'
import { runRetention } from '../../src/catalog/retention/run-retention.js'
import { listUnnamedRevisions } from '../../src/db/jobs/unnamed-revisions.js'
import { isFetchDue } from '../../src/db/sources/fetches.js'
import { listSources } from '../../src/db/sources/sources.js'
import { listWantedSeasons, listWantedTiles } from '../../src/db/sources/wanted.js'
import { listExpired } from '../../src/db/steps/list-expired.js'
import { queueSummary } from '../../src/db/steps/queue-summary.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'

/** A service for all sites that has offered what is found, all of it held back for an hour, and a retention rule by which nothing is due yet. */
export async function addSource({ db }: App): Promise<void> {
  await sql`
    insert into source (name, satellite, kind, config, next_run_at) values ('bench', 's2', 'stac', '{"url": "http://127.0.0.1:9"}', now())`.execute(
    db,
  )
  await sql`
    insert into source_offer (source_id, remote_id, acquisition_id, details, digest, next_try_at)
    select source.id, 'offer-' || a.id, a.id, '{}', 'd', now() + interval '1 hour' from acquisition a, source where a.state = 'found'`.execute(
    db,
  )
  await sql`
    insert into retention_rule (level, action, keep_days, created_by) values ('L2A', 'delete', 3650, 'bench')`.execute(
    db,
  )
  await sql`analyze source_offer`.execute(db)
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** What the leading scheduler does besides again and again, each with its time in seconds. */
export async function timeDuties(app: App): Promise<Readonly<Record<string, number>>> {
  const { db, config } = app
  return {
    'what sources ask before they look (seasons and tiles of all sites)': await timed(async () => {
      await readSettings(db)
      await listSources(db, null)
      await listWantedSeasons(db, { siteId: null, satellite: 's2', lateDays: 30 })
      await listWantedTiles(db, { siteId: null, satellite: 's2' })
    }),
    'whether a fetch is due': await timed(() => isFetchDue(db)),
    'what of the archive and of leases has to be cleared away': await timed(async () => {
      await listUnnamedRevisions(db, { graceS: 3600, after: '', limit: 500 })
      await listExpired(db)
    }),
    'a run of retention by which nothing is due': await timed(() =>
      runRetention({ db, config }, { dryRun: true }),
    ),
    '`tilth status`': await timed(() => queueSummary(db, { executor: 'local' })),
  }
}
