import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { checkConfig, checkDatabase, checkTimeLimits } from '../../src/executors/slurm/check-config.js'
import {
  longestMinutes,
  parseConfig,
  parseNodes,
  parsePartitions,
  readClusterFacts,
} from '../../src/executors/slurm/cluster-facts.js'
import { parseJobState } from '../../src/executors/slurm/job-state.js'
import { parseCompletions } from '../../src/executors/slurm/read-completions.js'
import { expandElements, parseQueue } from '../../src/executors/slurm/read-queue.js'
import { reachOf, requireSharedDatabase } from '../../src/executors/slurm/shared-database.js'
import { temporaryFolder } from '../support/cli.js'

/** What a real Slurm 22.05.8 has printed: an array of twelve, at most six at once; one done, one failed, one cancelled; a job of another. */
const recorded = (name: string) => readFileSync(join(import.meta.dirname, 'recorded', name), 'utf8')
const BATCH = '11111111-2222-4333-8444-555555555555'

describe('squeue --json', () => {
  const found = parseQueue(recorded('squeue-22.05.txt'))

  test('each element of an array has its own state, also those that wait together', () => {
    expect([...found.keys()].sort()).toEqual(['1_0', '1_1', '1_10', '1_11', '1_2', '1_3', '1_9'])
    expect(found.get('1_0')).toEqual({
      jobId: 1,
      element: 0,
      state: { kind: 'ended', how: 'completed', text: 'COMPLETED' },
      reason: 'None',
      restarts: 0,
      nodes: 'n1',
      excluded: '',
      batchId: BATCH,
    })
    expect(found.get('1_1')?.state).toEqual({ kind: 'ended', how: 'failed', text: 'FAILED' })
    expect(found.get('1_2')?.state).toEqual({ kind: 'ended', how: 'cancelled', text: 'CANCELLED' })
    expect(found.get('1_3')).toMatchObject({ state: { kind: 'running' }, nodes: 'n2' })
    expect(found.get('1_11')).toMatchObject({ state: { kind: 'waiting' }, reason: 'JobArrayTaskLimit' })
  })

  test('jobs of others are left out, and text that is no listing is refused with its beginning', () => {
    expect([...found.values()].every(({ batchId }) => batchId === BATCH)).toBe(true)
    expect(() => parseQueue('slurm_load_jobs error')).toThrow(
      /SLURM_UNAVAILABLE|begins with: slurm_load_jobs/,
    )
    expect(() => parseQueue('{"jobs": [{"job_id": "x"}]}')).toThrow(/did not print a list of jobs/)
  })

  test('the forms of later versions are read: states as lists, numbers that say whether they are set', () => {
    const text = JSON.stringify({
      jobs: [
        {
          job_id: 9,
          array_job_id: { set: true, infinite: false, number: 7 },
          array_task_id: { set: true, infinite: false, number: 0 },
          array_task_string: '',
          job_state: ['PENDING', 'REQUEUED'],
          state_reason: 'BeginTime',
          restart_cnt: 1,
          nodes: '',
          comment: `tilth batch=${BATCH} steps=1.1`,
        },
        {
          job_id: 7,
          array_job_id: { set: true, infinite: false, number: 7 },
          array_task_id: { set: false, infinite: false, number: 0 },
          array_task_string: '1-2',
          job_state: ['PENDING'],
          comment: `tilth batch=${BATCH} steps=1.1`,
        },
      ],
    })
    const queue = parseQueue(text)
    expect([...queue.keys()]).toEqual(['7_0', '7_1', '7_2'])
    expect(queue.get('7_0')).toMatchObject({
      restarts: 1,
      state: { kind: 'waiting', text: 'PENDING+REQUEUED' },
    })
  })

  test('any list of elements that Slurm can write is expanded to the same elements', () => {
    const runs = fc.array(
      fc.record({ gap: fc.integer({ min: 2, max: 9 }), length: fc.integer({ min: 1, max: 5 }) }),
      { minLength: 1 },
    )
    fc.assert(
      fc.property(runs, fc.boolean(), (list, isThrottled) => {
        const elements: number[] = []
        const parts: string[] = []
        let next = 0
        for (const { gap, length } of list) {
          const first = next + gap
          parts.push(length === 1 ? String(first) : `${first}-${first + length - 1}`)
          for (let i = 0; i < length; i++) elements.push(first + i)
          next = first + length
        }
        expect(expandElements(parts.join(',') + (isThrottled ? '%4' : ''))).toEqual(elements)
      }),
    )
    expect(expandElements('0-9:3')).toEqual([0, 3, 6, 9])
    expect(expandElements('')).toEqual([])
    expect(expandElements('N/A')).toEqual([])
  })
})

describe('states', () => {
  test('known ones say whether a job waits, runs or has ended, and how', () => {
    expect(parseJobState('PENDING').kind).toBe('waiting')
    expect(parseJobState('REQUEUE_HOLD').kind).toBe('waiting')
    expect(parseJobState('SUSPENDED').kind).toBe('running')
    expect(parseJobState('COMPLETING').kind).toBe('running')
    expect(parseJobState(['COMPLETED', 'COMPLETING']).kind).toBe('running')
    expect(parseJobState('CANCELLED by 1000')).toMatchObject({ kind: 'ended', how: 'cancelled' })
    expect(parseJobState('NODE_FAIL')).toMatchObject({ kind: 'ended', how: 'node-lost' })
    expect(parseJobState('OUT_OF_MEMORY')).toMatchObject({ kind: 'ended', how: 'out-of-memory' })
  })

  test('no text that is not known is ever taken for an end', () => {
    const names = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'NODE_FAIL', 'RUNNING', 'PENDING']
    const word = fc.tuple(fc.constantFrom('', ...names), fc.stringMatching(/^[A-Z_]{1,8}$/))
    fc.assert(
      fc.property(word, ([name, more]) => {
        const text = `${name}${more}X`
        expect(parseJobState(text)).toEqual({ kind: 'unknown', text })
        expect(parseJobState(['COMPLETED', text]).kind).toBe('unknown')
      }),
    )
    expect(parseJobState('FROBNICATING')).toEqual({ kind: 'unknown', text: 'FROBNICATING' })
    expect(parseJobState(['COMPLETED', 'FROBNICATING'])).toEqual({
      kind: 'unknown',
      text: 'COMPLETED+FROBNICATING',
    })
    expect(parseJobState('').kind).toBe('unknown')
    expect(parseJobState([]).kind).toBe('unknown')
    expect(parseJobState('toString').kind).toBe('unknown')
  })
})

test('the completion log gives the last end of each element', () => {
  const text = recorded('jobcomp-22.05.txt')
  const found = parseCompletions(text)
  expect([...found].map(([key, { text: state }]) => `${key} ${state}`).sort()).toEqual([
    '1_0 COMPLETED',
    '1_1 FAILED',
    '1_2 CANCELLED',
  ])
  const again = text.split('\n')[1]!.replace('JobState=FAILED', 'JobState=COMPLETED')
  expect(parseCompletions(`${text}${again}\ncut off in the mid`).get('1_1')).toMatchObject({
    how: 'completed',
  })
  expect(parseCompletions('').size).toBe(0)
})

test('configuration and nodes are read, a node of several partitions once', () => {
  const config = parseConfig(recorded('config-22.05.txt'))
  expect(config.get('ClusterName')).toBe('tilthtest')
  expect(config.get('MaxArraySize')).toBe('1001')
  expect(config.get('JobCompType')).toBe('jobcomp/filetxt')
  expect(config.get('KillWait')).toBe('3 sec')
  expect(parseNodes(recorded('sinfo-22.05.txt'))).toEqual([
    { name: 'n1', state: 'allocated', cpus: 2, memoryMb: 4000 },
    { name: 'n2', state: 'allocated', cpus: 2, memoryMb: 4000 },
    { name: 'n3', state: 'draining', cpus: 2, memoryMb: 4000 },
  ])
})

test('partitions and their time limits are read; a job for several of them may ask for the longest', () => {
  const partitions = parsePartitions(
    ['n1|idle|2|4000|short*|30:00', 'n2|idle|2|4000|short*|30:00', 'n2|idle|2|4000|long|7-12:00:00']
      .concat(['n2|idle|2|4000|day|23:59:59', 'n3|idle|2|4000|free|infinite', 'n3|idle|2|4000|blink|0:20'])
      .join('\n'),
  )
  expect(partitions).toEqual([
    { name: 'short', isDefault: true, maxMinutes: 30 },
    { name: 'long', isDefault: false, maxMinutes: 10_800 },
    { name: 'day', isDefault: false, maxMinutes: 1439 },
    { name: 'free', isDefault: false, maxMinutes: Infinity },
    { name: 'blink', isDefault: false, maxMinutes: 1 },
  ])
  expect(parsePartitions(recorded('sinfo-22.05.txt'))).toEqual([])
  const cluster = { partitions, qos: [] }
  const most = (partition: string) => longestMinutes(cluster, { partition, qos: '' }).partition
  expect(['', 'long', 'short,day', 'day,free', 'unheard'].map(most)).toEqual([
    ...[30, 10_800, 1439],
    ...[Infinity, Infinity],
  ])
  const nothing = longestMinutes({ partitions: [], qos: [] }, { partition: '', qos: 'any' })
  expect(nothing).toEqual({ partition: Infinity, qos: Infinity })

  const judged = (partition: string, timeS: number, timeLimitMin = 0) =>
    checkTimeLimits(cluster, [{ partition, qos: '', timeS, timeLimitMin }]).map(({ status, check, found }) =>
      [status, check, found].join(' | '),
    )
  expect(judged('', 1800)).toEqual(['ok | time limit | a step may take 30 min, MaxTime is 30 min'])
  expect(judged('', 1801)).toEqual(['warn | time limit | a step may take 31 min, MaxTime is 30 min'])
  expect(judged('day', 60, 1440)).toEqual([
    'warn | time limit of day | a step may take 1440 min, MaxTime is 1439 min',
  ])
  expect(judged('free', Infinity)).toEqual([
    'ok | time limit of free | a step may take as long as it likes, MaxTime is not limited',
  ])
})

test('limits of a QOS are read where accounting enforces them; the smaller of MaxWall and MaxTime bounds a job, and the check names it', async () => {
  const shims = temporaryFolder('shims')
  const [path, config] = [process.env['PATH'] ?? '', recorded('config-22.05.txt')]
  const shim = (name: string, script: string) => {
    writeFileSync(join(shims, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  /** What the commands print; sacctmgr's columns are those of its manual page: days-hours:minutes:seconds, empty without a limit. */
  const facts = async (enforce: string, sacctmgr: string) => {
    const told = config.replace(/(AccountingStorageEnforce *= ).*/, `$1${enforce}`)
    writeFileSync(join(shims, 'config'), told)
    shim('scontrol', `cat '${join(shims, 'config')}'`)
    shim('sinfo', `echo 'n1|idle|2|4000|day*|1-00:00:00'`)
    shim('sacctmgr', sacctmgr)
    return readClusterFacts()
  }
  process.env['PATH'] = `${shims}:${path}`
  onTestFinished(() => {
    process.env['PATH'] = path
  })
  const listed = `[ "$*" = '--noheader --parsable2 show qos format=Name,MaxWall' ] || exit 1; printf 'normal|\\nshort|00:30:00\\nlong|7-00:00:00\\n'`
  expect((await facts('none', 'exit 1')).qos).toEqual([])
  const cluster = await facts('associations,limits,qos', listed)
  expect(cluster.qos).toEqual([
    { name: 'normal', maxMinutes: Infinity },
    { name: 'short', maxMinutes: 30 },
    { name: 'long', maxMinutes: 10_080 },
  ])
  const bounds = ['', 'normal', 'short', 'long', 'unheard'].map((qos) => {
    const { partition, qos: own } = longestMinutes(cluster, { partition: '', qos })
    return Math.min(partition, own)
  })
  expect(bounds).toEqual([1440, 1440, 30, 1440, 1440])
  const judged = (known: typeof cluster, qos: string) =>
    checkTimeLimits(known, [{ partition: '', qos, timeS: 3600, timeLimitMin: 0 }]).map(
      ({ status, check, found }) => `${status} | ${check} | ${found}`,
    )
  const found = 'a step may take 60 min, MaxTime is 1440 min'
  expect(judged(cluster, 'short')).toEqual([`warn | time limit of QOS short | ${found}, MaxWall is 30 min`])
  expect(judged(cluster, 'long')).toEqual([`ok | time limit of QOS long | ${found}, MaxWall is 10080 min`])
  const away = await facts('associations,limits,qos', 'echo no connection >&2; exit 1')
  expect(away.qos).toBeNull()
  expect(judged(away, '')).toEqual([`ok | time limit | ${found}`])
  expect(judged(away, 'short')[0]).toMatch(/^warn .* MaxWall of the QOS is not known/)
})

test('the configuration is judged: what is missing says what to do, and nothing is judged by a missing value as good', () => {
  const config = parseConfig(recorded('config-22.05.txt'))
  const judged = (changes: Record<string, string>) =>
    Object.fromEntries(
      checkConfig(new Map([...config, ...Object.entries(changes)]), 5).map(({ check, status }) => [
        check,
        status,
      ]),
    )
  expect(judged({})).toEqual({
    'job arrays': 'ok',
    requeue: 'ok',
    'completion log': 'ok',
    'memory of ended jobs': 'ok',
    'memory is placed': 'ok',
    'memory is enforced': 'warn',
    'time to end': 'ok',
  })
  expect(judged({ MaxArraySize: '0' })['job arrays']).toBe('fail')
  expect(judged({ JobCompType: 'jobcomp/none' })['completion log']).toBe('warn')
  expect(judged({ MinJobAge: '10 sec' })['memory of ended jobs']).toBe('warn')
  expect(judged({ SelectTypeParameters: 'CR_CPU' })['memory is placed']).toBe('warn')
  expect(judged({ TaskPlugin: 'task/cgroup', ConstrainRAMSpace: 'yes' })['memory is enforced']).toBe('ok')
  expect(judged({ KillWait: '1 sec' })['time to end']).toBe('warn')
  const nothing = checkConfig(new Map(), 5)
  expect(nothing.filter(({ status }) => status === 'fail').map(({ check }) => check)).toEqual(['job arrays'])
  for (const { status, todo } of nothing) expect(todo === null).toBe(status === 'ok')
})

test('the database must be in reach and take the connections of all CPUs', () => {
  const judged = (url: string, most: number) =>
    checkDatabase(url, { most, now: 10 }, 100).map(({ status }) => status)
  expect(judged('postgres://u@db/t', 410)).toEqual(['ok', 'ok'])
  expect(judged('postgres://u@db/t', 409)).toEqual(['ok', 'warn'])
  expect(judged('postgres://u@localhost/t', 500)).toEqual(['warn', 'ok'])
  expect(judged('postgres:///t', 500)).toEqual(['fail', 'ok'])
})

test('only a database on TCP is one that nodes can reach; a socket is refused with what to do', () => {
  expect(reachOf('postgres://u:p%40x@db.example:5432/tilth')).toBe('tcp')
  expect(reachOf('postgresql://db/tilth?sslmode=require')).toBe('tcp')
  expect(reachOf('postgres://u@127.0.0.1:5433/tilth')).toBe('own-tcp')
  expect(reachOf('postgres://u@[::1]/tilth')).toBe('own-tcp')
  expect(reachOf('postgres://u@localhost/tilth')).toBe('own-tcp')
  expect(reachOf('postgres://tilth@/tilth?host=%2Frun%2Fpg&port=5432')).toBe('socket')
  expect(reachOf('postgres://%2Frun%2Fpg/tilth')).toBe('socket')
  expect(reachOf('postgres:///tilth')).toBe('socket')
  expect(() => {
    requireSharedDatabase('postgres:///tilth')
  }).toThrow(expect.objectContaining({ code: 'DATABASE_NOT_SHARED' }))
})
