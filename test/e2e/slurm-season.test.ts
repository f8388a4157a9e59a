import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { slurmObstacle, startSlurm, type SlurmCluster } from '../../bench/slurm/cluster.js'
import { overTcp } from '../../bench/slurm/tcp-database.js'
import { openApp } from '../../src/app.js'
import { ingestPaths } from '../../src/catalog/ingest.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { addSite } from '../../src/catalog/sites.js'
import { checkRound } from '../../src/cli/demo/season/check.js'
import { collectFacts, collectLeft } from '../../src/cli/demo/season/collect.js'
import { digestProducts, unlike } from '../../src/cli/demo/season/digests.js'
import { PeakMemory } from '../../src/cli/demo/season/peak-memory.js'
import type { PlannedPass, Scenario } from '../../src/cli/demo/season/scenario.js'
import { simulateInputs, type InputProduct } from '../../src/cli/demo/season/simulate-inputs.js'
import { createLocalScheduler, createSlurmScheduler, mainProgram } from '../../src/cli/run-scheduler.js'
import { loadConfig } from '../../src/config/config.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase } from '../support/database.js'
import { eventually, setSetting } from '../support/queue.js'

const obstacle = slurmObstacle()

/** Two clear dates of one tile, and the composite of their month. */
const passes = ['2025-05-10', '2025-05-20'].map((date): PlannedPass => ({
  ...{ satellite: 's2', tile: '31TCJ', date, platform: 'S2A', baseline: '05.11', via: 'folder' },
  ...{ publishedMs: Date.parse(date), isLate: false, listedCloud: null, fault: null, hitch: null },
}))
const scenario: Scenario = {
  ...{ sites: [], passes, cloudMax: 100, until: '2025-06-16' },
  season: { name: '2025', start: '2025-05-01', mid: '2025-05-16', end: '2025-05-31' },
}
const RING = [[1.4, 43.5], [1.5, 43.5], [1.5, 43.6], [1.4, 43.6], [1.4, 43.5]] as const // prettier-ignore
/** An L2A and an NDVI of each date, and the composite. */
const STEPS = 2 * passes.length + 1

describe.skipIf(obstacle !== null)(`a season in Slurm${obstacle === null ? '' : ` (${obstacle})`}`, () => {
  const folder = temporaryFolder('slurm season')
  let cluster: SlurmCluster
  let inputs: readonly InputProduct[]
  beforeAll(async () => {
    cluster = await startSlurm()
    process.env['SLURM_CONF'] = cluster.conf
    inputs = await simulateInputs({
      ...{ passes, folder: join(folder, 'inputs'), pixelSizeM: 1000, seed: 1 },
      ...{ main: mainProgram(loadConfig({})), memory: new PeakMemory(), onProgress: () => undefined },
    })
  })
  afterAll(() => cluster.stop())

  /** The season from its acquisitions to its composite by its own schedules, on a clock that stands behind its end. */
  async function live(executor: 'local' | 'slurm') {
    const database = await createTestDatabase()
    const tcp = await overTcp(database.url)
    const env = { ...database.env, ...(executor === 'slurm' ? { DATABASE_URL: tcp.url } : {}) }
    const app = await openApp({ config: loadConfig(env) })
    onTestFinished(async () => {
      await app.close()
      await tcp.close()
      await database.close()
    })
    const { db } = app
    for (const [key, value] of [
      ['executor.kind', executor],
      ['slurm.poll_s', 1],
      ['schedule.cron', '* * * * * *'],
      ['ingest.copy_quiet_s', 0],
      ['storage.min_free_mb', 0],
    ] as const)
      await setSetting(db, key, value)
    await addSite(db, { name: 'Fields', area: { type: 'Polygon', coordinates: [RING] } })
    const { name, start: startsOn, mid: midOn, end: endsOn } = scenario.season
    await addSeason(db, 'fields', { name, startsOn, midOn, endsOn })
    await db.updateTable('schedule').set({ retry_s: 1 }).execute()
    await moveClock(db, { at: new Date(scenario.until), speed: 0, real: false })
    await ingestPaths(app, [join(folder, 'inputs')], { copy: false })
    const said: string[] = []
    const log = { info: (text: string) => said.push(text), warn: (text: string) => said.push(text) }
    const duties = { withSchedules: true }
    const scheduler =
      executor === 'slurm'
        ? await createSlurmScheduler(app, log, duties)
        : createLocalScheduler(app, log, duties)
    const ended = scheduler.run({ untilIdle: false })
    try {
      await eventually(async () => {
        const steps = await db.selectFrom('step').select('state').execute()
        const isOpen = (state: string) => ['blocked', 'ready', 'running'].includes(state)
        return steps.length >= STEPS && !steps.some(({ state }) => isOpen(state))
      }, 'the season is over')
    } catch (cause) {
      throw new Error(said.slice(-10).join('\n'), { cause })
    } finally {
      scheduler.drain()
      await ended
    }
    await eventually(
      async () => (await collectLeft(app.config.home)).length === 0,
      'no process and no folder is left',
      15_000,
    )
    const facts = await collectFacts(app, scenario)
    const steps = await db.selectFrom('step').select(['id', 'node']).orderBy('id').execute()
    const loads = await db.selectFrom('slurm_load').select('step_id').orderBy('step_id').execute()
    return {
      verdict: checkRound(scenario, inputs, facts, false),
      digests: await digestProducts(app, facts.products),
      ...{ steps, submitted: loads.map(({ step_id: id }) => id) },
    }
  }

  test('L2A, NDVI and composite as Slurm jobs: all of it, nothing twice, and the pixels of this machine alone', async () => {
    const local = await live('local')
    const slurm = await live('slurm')
    for (const { verdict } of [local, slurm]) {
      expect(verdict.faults).toEqual([])
      expect(verdict.counts).toMatchObject({ l2a: 2, ndvi: 2, composites: 1, remade: {}, lostAttempts: 0 })
    }
    expect(local.submitted).toEqual([])
    // Each step was submitted once, and a node of the cluster has run it.
    expect(slurm.submitted).toEqual(slurm.steps.map(({ id }) => id))
    expect(slurm.steps).toHaveLength(STEPS)
    for (const { node } of slurm.steps) expect(cluster.nodes).toContain(node)
    expect(slurm.digests.size).toBe(STEPS)
    expect(unlike(slurm.digests, local.digests)).toEqual([])
  }, 200_000)
})
