import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createSlurmScheduler } from '../../src/cli/run-scheduler.js'
import { slurmObstacle, type SlurmCluster } from '../../bench/slurm/cluster.js'
import { eventually, insertSteps, setSetting, stepOf } from '../support/queue.js'
import { openSlurmApp, type SlurmApp } from '../support/slurm.js'

const obstacle = slurmObstacle()

describe.skipIf(obstacle !== null)(`elastic Slurm${obstacle === null ? '' : ` (${obstacle})`}`, () => {
  let slurm: SlurmApp
  let cluster: SlurmCluster
  let app: App
  beforeAll(async () => {
    slurm = await openSlurmApp({ elastic: true })
    ;({ cluster, app } = slurm)
    for (const [key, value] of [
      ['executor.kind', 'slurm'],
      ['slurm.poll_s', 1],
      ['processor.l2a.tile_threads_hint', 2],
      ['storage.min_free_mb', 0],
    ] as const)
      await setSetting(app.db, key, value)
  })
  afterAll(() => slurm.close())
  const power = () => {
    const log = join(cluster.folder, 'power.log')
    return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').sort() : []
  }
  const stateOf = (node: string) =>
    cluster.run('sinfo', '--noheader', `--nodes=${node}`, '--format=%T').then((text) => text.trim())

  test('steps that wait start powered-down nodes, run there once, and the nodes go down again', async () => {
    expect(await stateOf('n2')).toMatch(/~$|down/)
    // Three steps that fill a node each, and one node that is up.
    const release = join(app.config.home, 'release')
    const { stepIds } = await insertSteps(
      app.db,
      [1, 2, 3].map(() => ({ act: 'wait', release })),
    )
    const scheduler = await createSlurmScheduler(app, { info: () => undefined, warn: () => undefined })
    const ended = scheduler.run({ untilIdle: false })
    try {
      const nodes = await Promise.all(
        stepIds.map((id) =>
          eventually(
            async () => {
              const { node, progress } = await stepOf(app.db, id)
              return node !== null && cluster.nodes.includes(node) && progress > 0 && node
            },
            `step ${id} runs on a node`,
            240_000,
          ),
        ),
      )
      expect([...nodes].sort()).toEqual(['n1', 'n2', 'n3'])
      expect(power()).toEqual(['resume n2', 'resume n3'])
      writeFileSync(release, '')
      for (const id of stepIds)
        await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', `step ${id} ends`)
      expect(
        await app.db.selectFrom('step').select(['failures', 'attempt']).where('id', 'in', stepIds).execute(),
      ).toEqual(stepIds.map(() => ({ failures: 0, attempt: 1 })))
    } finally {
      scheduler.abort()
      await ended
    }
    await eventually(
      () => Promise.resolve(power().filter((line) => line.startsWith('suspend')).length === 2),
      'both nodes are stopped again',
      240_000,
    )
  })
})
