import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createSlurmScheduler } from '../../src/cli/run-scheduler.js'
import { slurmObstacle, type SlurmCluster } from '../../bench/slurm/cluster.js'
import { tilth } from '../support/cli.js'
import { eventually, insertSteps, setSetting, stepOf } from '../support/queue.js'
import { openSlurmApp, type SlurmApp } from '../support/slurm.js'

const obstacle = slurmObstacle()

describe.skipIf(obstacle !== null)(`drains in Slurm${obstacle === null ? '' : ` (${obstacle})`}`, () => {
  let slurm: SlurmApp
  let cluster: SlurmCluster
  let app: App
  beforeAll(async () => {
    slurm = await openSlurmApp()
    ;({ cluster, app } = slurm)
    for (const [key, value] of [
      ['executor.kind', 'slurm'],
      ['slurm.poll_s', 1],
      // A step fills a node.
      ['processor.l2a.tile_threads_hint', 2],
      ['storage.min_free_mb', 0],
    ] as const)
      await setSetting(app.db, key, value)
  })
  afterAll(() => slurm.close())
  const releaseOf = (i: number) => join(app.config.home, `release-${i}`)
  const insert = async (...params: Record<string, unknown>[]) => (await insertSteps(app.db, params)).stepIds
  const nodeOf = (id: number) =>
    eventually(async () => {
      const { node, progress } = await stepOf(app.db, id)
      return node !== null && cluster.nodes.includes(node) && progress > 0 && node
    }, `step ${id} runs on a node`)
  const succeeds = async (id: number) => {
    await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', `step ${id} succeeds`)
    // Given back by no node, and started once.
    expect(await stepOf(app.db, id)).toMatchObject({ attempt: 1, failures: 0 })
  }
  const waits = async (id: number) =>
    /waits in Slurm: job \d+_0 is PENDING/.test((await stepOf(app.db, id)).progress_note ?? '')
  const nodes = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await tilth(['nodes', '--json', ...args], slurm.env)
    expect(exitCode, stderr).toBe(0)
    return { shown: JSON.parse(stdout) as unknown, stderr }
  }
  const inSlurm = async (node: string) =>
    (await cluster.run('sinfo', '--noheader', `--nodes=${node}`, '--format=%T')).trim()
  /** Of all jobs that wait. */
  const exclusions = async () =>
    (await cluster.run('squeue', '--noheader', '--states=PENDING', '--array', '--format=%x'))
      .split('\n')
      .map((line) => line.trim())

  test('a drained node ends its step and gets nothing, neither what comes nor what waited before; resumed, it takes what waits', async () => {
    const [one, two, three] = (await insert(
      ...[1, 2, 3].map((i) => ({ act: 'wait', release: releaseOf(i) })),
    )) as [number, number, number]
    const scheduler = await createSlurmScheduler(app, { info: () => undefined, warn: () => undefined })
    const ended = scheduler.run({ untilIdle: false })
    try {
      const [n, m] = [await nodeOf(one), await nodeOf(two), await nodeOf(three)]
      const [before] = (await insert({ act: 'publish' })) as [number]
      await eventually(() => waits(before), 'a fourth step waits')

      // By ourselves: Slurm keeps the node for others.
      expect(await nodes('drain', n)).toMatchObject({ shown: { state: 'draining' }, stderr: '' })
      const [after] = (await insert({ act: 'publish' })) as [number]
      await eventually(async () => (await waits(before)) && (await waits(after)), 'both wait')
      await eventually(async () => (await exclusions()).join() === `${n},${n}`, 'both exclude the node')
      writeFileSync(releaseOf(1), '')
      await succeeds(one)
      await eventually(async () => (await inSlurm(n)) === 'idle', 'the node is idle')
      expect((await nodes()).shown).toContainEqual(expect.objectContaining({ name: n, state: 'drained' }))
      expect(await waits(before)).toBe(true)
      expect(await waits(after)).toBe(true)
      expect(await nodes('resume', n)).toMatchObject({ stderr: '' })
      for (const id of [before, after]) {
        await succeeds(id)
        expect((await stepOf(app.db, id)).node).toBe(n)
      }

      // In Slurm, for everybody.
      await nodes('drain', n)
      await cluster.run('scontrol', 'update', `NodeName=${m}`, 'State=DRAIN', 'Reason=test')
      expect(await inSlurm(m)).toBe('draining')
      writeFileSync(releaseOf(2), '')
      await succeeds(two)
      await eventually(async () => (await inSlurm(m)) === 'drained', 'Slurm has drained the node')
      const [last] = (await insert({ act: 'publish' })) as [number]
      await eventually(() => waits(last), 'a step waits for a node')
      await cluster.run('scontrol', 'update', `NodeName=${m}`, 'State=RESUME')
      await succeeds(last)
      expect((await stepOf(app.db, last)).node).toBe(m)
      writeFileSync(releaseOf(3), '')
      await succeeds(three)
    } finally {
      scheduler.abort()
      await ended
    }
  })
})
