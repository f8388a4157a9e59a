import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { execa } from 'execa'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { readClusterFacts } from '../../src/executors/slurm/cluster-facts.js'
import { SlurmExecutor } from '../../src/executors/slurm/executor.js'
import { createSlurmStore } from '../../src/scheduler/slurm-store.js'
import { createSlurmScheduler } from '../../src/cli/run-scheduler.js'
import { cancel } from '../../src/scheduler/queue-view.js'
import type { Finding } from '../../src/executors/slurm/check-config.js'
import type { SchedulerLog } from '../../src/scheduler/scheduler.js'
import { processesOf } from '../support/processes-of.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'
import { openSlurmApp, type SlurmApp } from '../support/slurm.js'
import { slurmObstacle, type SlurmCluster } from '../../bench/slurm/cluster.js'
import { executorConforms } from './conformance.js'

const MAIN = resolve(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js')

const obstacle = slurmObstacle()
let slurm: SlurmApp
let cluster: SlurmCluster
let app: App
let lines: string[] = []
const log: SchedulerLog = { info: (m) => lines.push(`info ${m}`), warn: (m) => lines.push(`warn ${m}`) }

describe.skipIf(obstacle !== null)(`Slurm${obstacle === null ? '' : ` (${obstacle})`}`, () => {
  beforeAll(async () => {
    slurm = await openSlurmApp()
    ;({ cluster, app } = slurm)
  })
  afterAll(() => slurm.close())
  beforeEach(async () => {
    lines = []
    await app.db.deleteFrom('product').execute()
    await app.db.deleteFrom('job').execute()
    await app.db.deleteFrom('setting').execute()
    await setSetting(app.db, 'retry.backoff_s', 0)
    await setSetting(app.db, 'executor.kind', 'slurm')
    await setSetting(app.db, 'slurm.poll_s', 1)
    await setSetting(app.db, 'processor.l2a.tile_threads_hint', 1)
    await setSetting(app.db, 'storage.min_free_mb', 0)
  })

  const scheduler = () => createSlurmScheduler(app, log)
  executorConforms({ app: () => app, scheduler })

  /** A scheduler that runs until the test ends it. */
  async function running() {
    const own = await scheduler()
    const ended = own.run({ untilIdle: false })
    const end = async () => {
      own.abort()
      await ended
    }
    onTestFinished(end)
    return { end }
  }
  const productsOf = (id: number) =>
    app.db.selectFrom('product').select('attempt').where('step_id', '=', id).execute()
  const until = (id: number, state: string, timeoutMs?: number) =>
    eventually(async () => (await stepOf(app.db, id)).state === state, `step ${id} is ${state}`, timeoutMs)
  const hasBegun = (id: number) =>
    eventually(async () => {
      const { node, progress } = await stepOf(app.db, id)
      return node !== null && cluster.nodes.includes(node) && progress > 0 && node
    }, `step ${id} runs on a node`)
  const release = () => join(app.config.home, `release-${Math.random()}`)

  test('a power cut of a node: its step runs elsewhere under a new attempt and publishes once', async () => {
    const file = release()
    const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release: file }])
    const id = stepIds[0]!
    const own = await running()
    const node = await hasBegun(id)
    cluster.killNode(node)
    const second = await eventually(
      async () => {
        const { node: now, attempt, progress } = await stepOf(app.db, id)
        return attempt > 1 && progress > 0 && now
      },
      'the step runs again',
      180_000,
    )
    expect(second).not.toBe(node)
    writeFileSync(file, '')
    await until(id, 'succeeded')
    await own.end()
    expect(await stepOf(app.db, id)).toMatchObject({ failures: 0 })
    expect(await productsOf(id)).toHaveLength(1)
    await cluster.startNode(node)
    await eventually(
      async () => /idle/.test(await cluster.run('sinfo', '--noheader', `--nodes=${node}`, '--format=%T')),
      'the node is back',
    )
  })

  test('a scheduler killed with -9: steps go on in Slurm, the next scheduler takes them over and all run once', async () => {
    const file = release()
    const { stepIds } = await insertSteps(
      app.db,
      [1, 2].map(() => ({ act: 'wait', release: file })),
    )
    const env = { ...process.env, ...slurm.env, TILTH_TEST_PROCESSOR: STEP_RUNS }
    const first = spawn(process.execPath, [MAIN, 'up', '--executor', 'slurm'], { env, stdio: 'ignore' })
    const nodes = await Promise.all(stepIds.map(hasBegun))
    first.kill('SIGKILL')
    const own = await running()
    await eventually(
      () => Promise.resolve(lines.some((line) => /took over 2 steps/.test(line))),
      'they are taken over',
    )
    // Neither on a command line nor in what Slurm shows does the password stand.
    const shown = await cluster.run('scontrol', '--details', 'show', 'job')
    expect(shown).toContain('tilth batch=')
    expect(shown).toContain(`${stepIds[0]}.1`)
    expect(shown).not.toContain(slurm.password)
    expect(processesOf(cluster.conf).filter((line) => line.includes('slurm carry'))).toHaveLength(2)
    expect(processesOf(cluster.conf).join('\n')).not.toContain(slurm.password)
    expect(nodes).toHaveLength(2)
    writeFileSync(file, '')
    for (const id of stepIds) await until(id, 'succeeded')
    await own.end()
    for (const id of stepIds) {
      expect(await stepOf(app.db, id)).toMatchObject({ attempt: 1, failures: 0 })
      expect(await productsOf(id)).toHaveLength(1)
    }
  })

  test('signals of Slurm and a scancel of its operator: the step is given back, no failure is counted, and it runs again', async () => {
    const file = release()
    const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release: file }])
    const own = await running()
    await hasBegun(stepIds[0]!)
    // Slurm signals the processes of a job in any order: also to the step alone SIGTERM is no cancel of its user.
    process.kill((await stepOf(app.db, stepIds[0]!)).pid!, 'SIGTERM')
    const again = async (attempt: number) => (await stepOf(app.db, stepIds[0]!)).attempt === attempt
    await eventually(() => again(2), 'it is claimed again')
    await hasBegun(stepIds[0]!)
    await cluster.run('scancel', '--name', `tilth-l2a-${stepIds[0]}.2`)
    await eventually(() => again(3), 'it is claimed once more')
    writeFileSync(file, '')
    await until(stepIds[0]!, 'succeeded')
    await own.end()
    expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ attempt: 3, failures: 0 })
  })

  test('what waits in Slurm says so and can be cancelled; what Slurm refuses goes back to the queue and is reported', async () => {
    const nodes = `NodeName=${cluster.nodes.join(',')}`
    await cluster.run('scontrol', 'update', nodes, 'State=DRAIN', 'Reason=test')
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
    const own = await running()
    await eventually(
      async () =>
        /waits in Slurm: job \d+_0 is PENDING/.test((await stepOf(app.db, stepIds[0]!)).progress_note ?? ''),
      'its row says that it waits',
    )
    await cancel(app.db, { kind: 'step', id: stepIds[0]! })
    await until(stepIds[0]!, 'cancelled')
    await eventually(
      async () => (await cluster.run('squeue', '--noheader', '--states=PENDING')) === '',
      'its job is gone from the queue',
    )
    await cluster.run('scontrol', 'update', nodes, 'State=RESUME')
    await setSetting(app.db, 'slurm.partition', 'nowhere')
    const { stepIds: refused } = await insertSteps(app.db, [{ act: 'publish' }])
    await eventually(
      () => Promise.resolve(lines.some((line) => /SLURM_REFUSED: .*nowhere.*invalid partition/is.test(line))),
      'the refusal is told',
    )
    await until(refused[0]!, 'ready')
    await setSetting(app.db, 'slurm.partition', 'main')
    await until(refused[0]!, 'succeeded')
    await own.end()
    expect(await stepOf(app.db, refused[0]!)).toMatchObject({ failures: 0 })
  })

  test('a node without its roots is named and shunned: the steps run elsewhere; small steps share an element', async () => {
    await unfit('n1')
    const options = { sizeClass: 'small' }
    const { stepIds } = await insertSteps(
      app.db,
      Array.from({ length: 4 }, () => ({ act: 'publish' })),
      options,
    )
    await (await scheduler()).run({ untilIdle: true })
    for (const id of stepIds) {
      const step = await stepOf(app.db, id)
      expect(step).toMatchObject({ state: 'succeeded', failures: 0 })
      expect(step.node).not.toBe('n1')
    }
    const bad = await app.db
      .selectFrom('node')
      .select('fault')
      .where('name', '=', 'n1')
      .executeTakeFirstOrThrow()
    expect(bad.fault).toContain('ROOT_UNAVAILABLE')
    await app.db.deleteFrom('storage_root').where('host', '=', 'n1').execute()
    const { stepIds: more } = await insertSteps(
      app.db,
      Array.from({ length: 6 }, () => ({ act: 'publish' })),
      options,
    )
    await (await scheduler()).run({ untilIdle: true })
    for (const id of more) expect(await stepOf(app.db, id)).toMatchObject({ state: 'succeeded', attempt: 1 })
    const loads = await app.db
      .selectFrom('slurm_load')
      .select('element')
      .distinct()
      .where('step_id', 'in', more)
      .execute()
    expect(loads).toHaveLength(1)
  })

  test('a state that this program does not know is reported and nothing is concluded from it', async () => {
    const file = release()
    const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release: file }])
    const own = await running()
    await hasBegun(stepIds[0]!)
    const shim = mkdtempSync(join(tmpdir(), 'tilth-shim-'))
    const path = process.env['PATH'] ?? ''
    writeFileSync(
      join(shim, 'squeue'),
      `#!/bin/sh\nPATH=${path} squeue "$@" | sed 's/"RUNNING"/"FROBNICATING"/'\n`,
      { mode: 0o755 },
    )
    process.env['PATH'] = `${shim}:${path}`
    await eventually(
      () =>
        Promise.resolve(
          lines.some((line) => /warn .*'FROBNICATING', a state that this program does not know/.test(line)),
        ),
      'it is reported',
    )
    expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'running', attempt: 1 })
    process.env['PATH'] = path
    writeFileSync(file, '')
    await until(stepIds[0]!, 'succeeded')
    await own.end()
    rmSync(shim, { recursive: true })
  })

  test('`tilth slurm check` finds a cluster fit, and names a node that is not with what to do', async () => {
    const check = async () => {
      const { env } = slurm
      const { stdout, exitCode } = await execa(process.execPath, [MAIN, 'slurm', 'check', '--json'], {
        env,
        reject: false,
      })
      return { found: JSON.parse(stdout) as Finding[], exitCode }
    }
    const fit = await check()
    expect(fit.found.filter(({ status }) => status === 'fail')).toEqual([])
    expect(fit.exitCode).toBe(0)
    for (const node of cluster.nodes)
      expect(fit.found.find((one) => one.check === `node ${node}`)).toMatchObject({
        status: 'ok',
        todo: null,
      })
    expect(fit.found.find((one) => one.check === 'memory is enforced')?.status).toBe('warn')
    expect(fit.found.find((one) => one.check === 'time limit')).toMatchObject({
      ...{ status: 'ok', found: 'a step may take 360 min, MaxTime is not limited' },
    })
    await cluster.run('scontrol', 'update', 'NodeName=n3', 'State=DRAIN', 'Reason=test')
    await unfit('n2')
    await cluster.run('scontrol', 'update', 'PartitionName=main', 'MaxTime=60')
    const { found, exitCode } = await check()
    await cluster.run('scontrol', 'update', 'PartitionName=main', 'MaxTime=INFINITE')
    await cluster.run('scontrol', 'update', 'NodeName=n3', 'State=RESUME')
    expect(exitCode).toBe(1)
    expect(found.find((one) => one.check === 'time limit')).toMatchObject({
      ...{ status: 'warn', found: 'a step may take 360 min, MaxTime is 60 min' },
    })
    const bad = found.find((one) => one.check === 'node n2')
    expect(bad).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('ROOT_UNAVAILABLE') as string,
    })
    expect(bad?.todo).toContain('TILTH_HOST=n2 tilth db root')
    expect(found.find((one) => one.check === 'node n3')).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('drain') as string,
    })
  })

  test('jobs that end before they begin anything are told with their log, their steps go back, and new ones come more rarely', async () => {
    const script = join(app.config.home, 'stillborn.sh')
    writeFileSync(script, '#!/bin/sh\nexit 3\n', { mode: 0o755 })
    const facts = await readClusterFacts()
    const executor = new SlurmExecutor({
      ...{ store: createSlurmStore(app.db, facts.name), cluster: facts, node: 'head', env: {}, script, log },
      logFolder: join(app.config.home, 'logs'),
    })
    onTestFinished(() => executor.close())
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
    const claims = await claimReadySteps(app.db, {
      ...{ executor: 'slurm', node: 'head', pid: process.pid, leaseSeconds: 30 },
      grants: stepIds.map((id) => ({ id, threads: 1, settingsId: 0 })),
    })
    await executor.endOrphans()
    for (const claim of claims) executor.start(claim)
    const fault = await eventually(
      () => Promise.resolve(executor.cluster.fault() ?? undefined),
      'the trouble is told',
    )
    expect(fault).toMatch(
      /Slurm job \d+_0 ended as FAILED on n\d before it began step \d+\. .*\/logs\/slurm-\d+_0\.log/,
    )
    expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'ready', attempt: 1, failures: 0 })
    await eventually(() => Promise.resolve(executor.running().length === 0), 'nothing is held any more')
  })

  test('a step that is started while others are being submitted is submitted after them', async () => {
    const facts = await readClusterFacts()
    const store = createSlurmStore(app.db, facts.name)
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }, { act: 'publish' }])
    const claims = await claimReadySteps(app.db, {
      ...{ executor: 'slurm', node: 'head', pid: process.pid, leaseSeconds: 30 },
      grants: stepIds.map((id) => ({ id, threads: 1, settingsId: 0 })),
    })
    const described: number[][] = []
    const executor = new SlurmExecutor({
      cluster: facts,
      ...{ node: 'head', env: {}, script: '/bin/true', log, logFolder: join(app.config.home, 'logs') },
      store: {
        ...store,
        describe: async (keys) => {
          described.push(keys.map(({ id }) => id))
          if (described.length === 1) executor.start(claims[1]!)
          return store.describe(keys)
        },
      },
    })
    onTestFinished(() => executor.close())
    executor.start(claims[0]!)
    const loads = await eventually(async () => {
      const found = await app.db.selectFrom('slurm_load').select('step_id').execute()
      return found.length === 2 && found
    }, 'both are noted as submitted')
    expect(loads.map(({ step_id: id }) => id).sort()).toEqual(stepIds.toSorted())
    expect(described).toEqual(claims.map(({ id }) => [id]))
  })

  /** A node whose storage roots are not there. */
  async function unfit(host: string): Promise<void> {
    const marker = '00000000-0000-4000-8000-000000000000'
    for (const name of ['archive', 'l1', 'scratch'])
      await app.db.insertInto('storage_root').values({ name, host, path: '/nonexistent', marker }).execute()
    onTestFinished(async () => {
      await app.db.deleteFrom('storage_root').where('host', '=', host).execute()
    })
  }
})
