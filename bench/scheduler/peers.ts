import pg from 'pg'
import PgBoss from 'pg-boss'
import { IN_FLIGHT, type Drained } from './our-queue.js'

const CLAIM = `update work set state = 'running' where id in (
  select id from work where state = 'ready' and ready_at <= now() order by priority, ready_at, id limit $1 for update skip locked)
  returning id, params`
const COMPLETE = `update work set state = 'done' where id = $1 and state = 'running'`

/** The floor: a table with nothing but what a queue of payloads in an order needs, claimed with SKIP LOCKED, by prepared statements. */
export async function openRaw(url: string, rows: number) {
  const pool = new pg.Pool({ connectionString: url, max: IN_FLIGHT + 1 })
  await pool.query(`create table work (id bigint generated always as identity primary key, state text not null default 'ready',
    priority integer not null default 100, ready_at timestamptz not null default now(), params jsonb not null)`)
  await pool.query("create index work_ready_idx on work (priority, ready_at, id) where state = 'ready'")
  await pool.query(
    `insert into work (params) select '{"acquisition_id": 1, "input": "l1:S2A.SAFE"}' from generate_series(1, $1::int)`,
    [rows],
  )
  await pool.query('vacuum analyze work')
  /** Each claim of `batch` rows and each completion is a commit, as in ours; 10 in flight. */
  const drain = async (count: number, batch: number): Promise<Drained> => {
    let begun = 0
    let done = 0
    const claimed: string[] = []
    let claiming: Promise<void> | undefined
    const claim = async (client: pg.ClientBase, limit: number): Promise<string[]> => {
      const { rows: found } = await client.query<{ id: string }>({
        name: 'claim',
        text: CLAIM,
        values: [limit],
      })
      return found.map(({ id }) => id)
    }
    const claimBatch = () =>
      (claiming ??= (async () => {
        const limit = Math.min(batch, count - begun)
        begun += limit
        const client = await pool.connect()
        claimed.push(...(await claim(client, limit)))
        client.release()
        claiming = undefined
      })())
    const started = performance.now()
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        const client = await pool.connect()
        for (;;) {
          if (batch === 1 && begun < count) {
            begun += 1
            claimed.push(...(await claim(client, 1)))
          }
          // The next batch is claimed while this one is worked off.
          if (batch > 1 && begun < count && claimed.length <= batch) void claimBatch()
          const id = claimed.pop()
          if (id === undefined) {
            if (claiming === undefined) break
            await claiming
            continue
          }
          await client.query({ name: 'complete', text: COMPLETE, values: [id] })
          done += 1
        }
        client.release()
      }),
    )
    return { steps: done, seconds: (performance.now() - started) / 1000 }
  }
  return { drain, close: () => pool.end() }
}

/** How long pg-boss is measured in a round, s: each of its fetches sorts all jobs that wait, so that 18,000 of them took 20 minutes. */
const BOSS_S = 20

/** pg-boss as its users have it: one `fetch` and one `complete` a job, 10 in flight; its maintenance is switched off. */
export async function openBoss(url: string, rows: number) {
  const boss = new PgBoss({ connectionString: url, max: IN_FLIGHT, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue('work')
  for (let i = 0; i < rows; i += 5000)
    await boss.insert(
      Array.from({ length: Math.min(5000, rows - i) }, () => ({
        name: 'work',
        data: { acquisition_id: 1, input: 'l1:S2A.SAFE' },
      })),
    )
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query('vacuum analyze')
  await admin.end()
  /** Up to `count` jobs, fewer where the time is over before. */
  const drain = async (count: number): Promise<Drained> => {
    let begun = 0
    let done = 0
    const started = performance.now()
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (begun < count && performance.now() - started < BOSS_S * 1000) {
          begun += 1
          const [job] = await boss.fetch('work')
          if (job === undefined) break
          await boss.complete('work', job.id)
          done += 1
        }
      }),
    )
    return { steps: done, seconds: (performance.now() - started) / 1000 }
  }
  return { drain, close: () => boss.stop({ graceful: false, wait: true }) }
}
