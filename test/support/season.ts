import type { App } from '../../src/app.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import type { ScheduledProcessors } from '../../src/scheduler/schedules/scheduled-processor.js'

/** An empty database but for the site `farm` with tile 31TCJ and its season `summer`, 1 May to 30 September 2026. Returns the site's id. */
export async function onlyFarm(db: App['db']): Promise<number> {
  for (const table of ['product', 'job', 'acquisition', 'setting', 'site', 'season_clock'] as const)
    await db.deleteFrom(table).execute()
  const { id } = await db
    .insertInto('site')
    .values({ slug: 'farm', name: 'farm', geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const days = { starts_on: '2026-05-01', mid_on: '2026-07-01', ends_on: '2026-09-30' }
  await db
    .insertInto('season')
    .values({ site_id: id, name: 'summer', ...days })
    .execute()
  await db
    .insertInto('site_tile')
    .values({ site_id: id, satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: true })
    .execute()
  return id
}

/** An acquisition of 31TCJ. */
export async function acquire(
  db: App['db'],
  sensedAt: string,
  state: 'present' | 'fetching' = 'present',
): Promise<number> {
  const { id } = await db
    .insertInto('acquisition')
    .values({
      ...{ identity: `31TCJ ${sensedAt}`, satellite: 's2', platform: 'S2A', tile: '31TCJ', state },
      ...{ sensed_at: sensedAt, location: `l1:31TCJ/${sensedAt.slice(0, 10)}.SAFE` },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** A look at all schedules at a time of the clock of planning, as after their `retry_s`: of those of this name what it came to. */
export async function lookAt(db: App['db'], at: string, name: string, processors?: ScheduledProcessors) {
  await moveClock(db, { at: new Date(at), speed: 0, real: false })
  await db
    .updateTable('schedule')
    .set({ look_at: new Date(0) })
    .execute()
  const looked = await lookAtSchedules(db, processors === undefined ? {} : { processors })
  return looked
    .filter(({ schedule }) => schedule.name === name)
    .map(({ steps, waitsFor, error }) => ({ steps, waitsFor: waitsFor.length, error }))
}

/** Frozen parameters of the tasks of a processor, with where each comes from, oldest first. */
export async function frozenOf(db: App['db'], processor: string) {
  const tasks = await db
    .selectFrom('task')
    .select('params')
    .where('processor', '=', processor)
    .orderBy('job_id')
    .orderBy('id')
    .execute()
  return tasks.map(
    ({ params }) =>
      params as unknown as {
        readonly product?: string
        readonly parameters: Readonly<Record<string, unknown>>
        readonly parameter_origins: Readonly<Record<string, string>>
      },
  )
}
