import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admitToCluster } from '../../src/scheduler/admit-to-cluster.js'
import { SettingsInForce } from '../../src/scheduler/settings-in-force.js'
import type { ClaimFacts, LoadRow } from '../../src/scheduler/slurm-store.js'
import { parseJobState } from '../../src/executors/slurm/job-state.js'
import { judge, type Judgement } from '../../src/executors/slurm/judge.js'
import type { SlurmElement } from '../../src/executors/slurm/read-queue.js'
import {
  largestRequestMb,
  largestRequestCpus,
  minutesOf,
  packClaims,
  sbatchArguments,
  wishesOf,
} from '../../src/executors/slurm/request.js'
import { staleExclusions } from '../../src/executors/slurm/stale-exclusions.js'

const claim = (id: number, more: Partial<ClaimFacts> = {}): ClaimFacts => ({
  id,
  attempt: 1,
  processor: 'l2a',
  siteId: null,
  priority: 100,
  threads: 4,
  memoryMb: 700,
  expectedS: null,
  ...more,
})
const settings = (global: Record<string, unknown> = {}) =>
  new SettingsInForce(() => ({ sites: [], global: global }))

describe('what is asked of Slurm', () => {
  const limits = { targetS: 60, maxSteps: 5, maxElements: 3, cpus: 2 }
  const facts = fc.array(
    fc.record({
      memoryMb: fc.constantFrom(100, 700, 701),
      threads: fc.constantFrom(1, 4),
      expectedS: fc.option(fc.double({ min: 0.01, max: 90, noNaN: true })),
    }),
    { maxLength: 40 },
  )

  test('every claim is carried exactly once, in order, by an element that stays within the limits', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const claims = given.map((one, i) => claim(i + 1, one))
        const batches = packClaims(claims, (fact) => wishesOf(fact, settings()), limits)
        const carried = batches.flatMap(({ elements }) => elements.flat())
        expect(carried.map(({ id }) => id).sort((a, b) => a - b)).toEqual(claims.map(({ id }) => id))
        for (const { elements, wishes } of batches) {
          expect(elements.length).toBeLessThanOrEqual(limits.maxElements)
          for (const element of elements) {
            expect(element.length).toBeLessThanOrEqual(limits.maxSteps)
            expect(element.map(({ id }) => id)).toEqual(element.map(({ id }) => id).sort((a, b) => a - b))
            for (const one of element) {
              expect(wishes.memoryMb).toBeGreaterThanOrEqual(one.memoryMb)
              expect(wishes.cpus).toBe(one.threads)
            }
            const s = element.reduce((sum, { expectedS }) => sum + (expectedS ?? 0), 0)
            if (element.length > 1) expect(s).toBeLessThanOrEqual(limits.targetS)
          }
        }
      }),
    )
  })

  test('of steps whose duration is not known four elements are made for each CPU, however many there are', () => {
    const elementsOf = (count: number, targetS: number) => {
      const claims = Array.from({ length: count }, (_, i) => claim(i + 1))
      const more = { targetS, maxSteps: 50, maxElements: 1000, cpus: 6 }
      return packClaims(claims, (fact) => wishesOf(fact, settings()), more)[0]?.elements.map(
        (one) => one.length,
      )
    }
    expect(elementsOf(24, 60)).toEqual(Array.from({ length: 24 }, () => 1))
    expect(elementsOf(48, 60)).toEqual(Array.from({ length: 24 }, () => 2))
    expect(elementsOf(200, 60)).toHaveLength(23)
    expect(elementsOf(48, 0)).toHaveLength(48)
  })

  test('no more is asked for than the largest node has: Slurm would refuse the job for ever', () => {
    const nodes = [
      { cpus: 2, memoryMb: 4000 },
      { cpus: 3, memoryMb: 2000 },
    ]
    const most = { cpus: largestRequestCpus(nodes), memoryMb: largestRequestMb(nodes) }
    expect(wishesOf(claim(1), settings(), most).cpus).toBe(3)
    expect(wishesOf(claim(1, { threads: 1 }), settings(), most).cpus).toBe(1)
    // A whole Landsat scene, on nodes with less than it declares.
    expect(wishesOf(claim(1, { memoryMb: 4100 }), settings(), most).memoryMb).toBe(3968)
    // No node says what it has.
    const unknown = { cpus: largestRequestCpus([]), memoryMb: largestRequestMb([]) }
    expect(wishesOf(claim(1, { memoryMb: 4100 }), settings(), unknown)).toMatchObject({ cpus: 4 })
    expect(wishesOf(claim(1, { memoryMb: 4100 }), settings(), unknown).memoryMb).toBeGreaterThanOrEqual(4100)
  })

  test('settings become options, and what is empty is not asked for', () => {
    const global = {
      'slurm.partition': 'short',
      'processor.l2a.slurm_partition': 'eo,long',
      'slurm.account': 'crops',
      'slurm.constraint': 'avx2&scratch',
      'slurm.gpus': 2,
      'slurm.nice_factor': 0.5,
      'limits.time_s': 3600,
    }
    const [batch] = packClaims([claim(12), claim(13)], (fact) => wishesOf(fact, settings(global)), limits)
    const args = sbatchArguments({
      batchId: '11111111-2222-4333-8444-555555555555',
      batch: batch!,
      exclude: ['n1', 'n7'],
      logFolder: '/data/logs',
      script: '/opt/tilth/scripts/slurm-element.sh',
      maxMinutes: Infinity,
    })
    expect(args).toEqual([
      '--parsable',
      '--array=0-1',
      '--job-name=tilth-l2a-12.1+1',
      '--comment=tilth batch=11111111-2222-4333-8444-555555555555 steps=12.1,13.1',
      ...['--nodes=1', '--ntasks=1', '--cpus-per-task=4', '--mem=960M', '--time=65', '--requeue'],
      ...['--signal=B:TERM@30', '--open-mode=append', '--export=ALL', '--chdir=/'],
      ...['--output=/data/logs/slurm-%A_%a.log', '--nice=50', '--partition=eo,long', '--account=crops'],
      ...['--constraint=avx2&scratch', '--gpus-per-node=2', '--exclude=n1,n7'],
      '/opt/tilth/scripts/slurm-element.sh',
    ])
    const plain = packClaims(
      [claim(1)],
      (fact) => wishesOf(fact, settings({ 'limits.time_s': 0 })),
      limits,
    )[0]!
    const more = { exclude: [], logFolder: '/l', script: '/s', maxMinutes: 30 }
    const bare = sbatchArguments({ batchId: 'b', batch: plain, ...more })
    expect(bare.filter((arg) => /time|partition|qos|account|constraint|gpus|exclude/.test(arg))).toEqual([])
  })
})

test('a job asks for the limit of one step, for what the others are expected to take, and for no more than its partition allows', () => {
  const batch = (expectedS: (number | null)[], global: Record<string, unknown> = {}) => ({
    wishes: wishesOf(claim(1), settings(global)),
    elements: [[claim(1)], expectedS.map((s, i) => claim(i + 2, { expectedS: s }))],
  })
  const small = Array.from({ length: 50 }, () => 1)
  // limits.time_s is 21,600 s: 360 min; 49 further steps of 1 s; 5 min beside.
  expect(minutesOf(batch(small), Infinity)).toBe(Math.ceil((21_600 + 49) / 60) + 5)
  expect(minutesOf(batch([null, null]), Infinity)).toBe(365)
  expect(minutesOf(batch(small), 240)).toBe(240)
  expect(minutesOf(batch(small, { 'slurm.time_limit_min': 30 }), 240)).toBe(30)
  expect(minutesOf(batch(small, { 'slurm.time_limit_min': 300 }), 240)).toBe(240)
  // Without a limit of ours none is asked for: the partition's default counts.
  expect(minutesOf(batch(small, { 'limits.time_s': 0 }), 240)).toBe(Infinity)
})

describe('admission to a cluster', () => {
  const caps = (cap: number | null) => ({
    bounds: () => (cap === null ? [] : [{ cap, site: null }]),
    lineage: () => [],
    threadsHint: () => 3,
  })
  const step = (id: number) => ({ id, processor: 'l2a', siteId: null, memoryMb: 1e9 })

  test('caps count all that is claimed anywhere; memory and slots are the cluster’s affair', () => {
    const running = [{ ...step(1), threads: 1 }]
    const { start, waiting, budgets } = admitToCluster(running, [step(2), step(3)], 100, caps(2))
    expect(start).toEqual([{ id: 2, threads: 3 }])
    expect(waiting).toEqual([
      { id: 3, reason: 'processor.l2a.max_parallelism is 2, and 2 run or wait in Slurm' },
    ])
    expect(budgets).toEqual([])
  })

  test('no more CPUs are asked for than such steps make use of', () => {
    const asked = (usableThreads: number | null) =>
      admitToCluster([], [{ ...step(1), usableThreads }], 100, caps(null)).start[0]?.threads
    expect([asked(2), asked(9), asked(null)]).toEqual([2, 3, 3])
  })

  test('no more are handed over than may wait there', () => {
    const { start, waiting } = admitToCluster([], [step(1), step(2), step(3)], 2, caps(null))
    expect(start.map(({ id }) => id)).toEqual([1, 2])
    expect(waiting[0]?.reason).toContain('slurm.pending_steps')
  })
})

describe('what follows from a look at Slurm', () => {
  const load = (more: Partial<LoadRow> = {}): LoadRow => ({
    batchId: 'b',
    jobId: 7,
    batchAgeS: 10,
    elements: 1,
    element: 0,
    place: 0,
    id: 1,
    attempt: 1,
    processor: 'l2a',
    threads: 1,
    begunRun: null,
    isHeld: true,
    cancelRequested: false,
    note: null,
    ...more,
  })
  const seen = (state: string, element = 0): [string, SlurmElement] => [
    `7_${element}`,
    {
      jobId: 7,
      element,
      state: parseJobState(state),
      reason: 'Resources',
      restarts: 0,
      nodes: 'n1',
      excluded: '',
      batchId: 'b',
    },
  ]
  const look = (loads: LoadRow[], queue: [string, SlurmElement][], absent = 0, completions = {}): Judgement =>
    judge({
      loads,
      queue: new Map(queue),
      completions: new Map(Object.entries(completions)),
      absentLooks: () => absent,
    })
  const kinds = (judgement: Judgement) =>
    Object.entries(judgement)
      .filter(([, list]) => (list as unknown[]).length > 0)
      .map(([kind]) => kind)
      .sort()

  test('what waits is held and says for what; a cancelled claim is ended; a job that carries nothing is taken back', () => {
    const waiting = look([load()], [seen('PENDING')])
    expect(kinds(waiting)).toEqual(['hold'])
    expect(waiting.hold[0]?.note).toBe('waits in Slurm: job 7_0 is PENDING (Resources)')
    expect(kinds(look([load({ cancelRequested: true })], [seen('PENDING')]))).toEqual(['cancel'])
    expect(look([load({ isHeld: false })], [seen('PENDING')]).needless).toEqual(['7_0'])
    expect(look([load({ place: 1 })], [seen('RUNNING')]).hold[0]?.note).toContain(
      'waits for its turn in Slurm job 7_0',
    )
  })

  test('a begun step whose job ended fails only where the end was its own doing', () => {
    const begun = load({ begunRun: 0 })
    const died = (state: string) => look([begun], [seen(state)]).died.map(({ code }) => code)
    expect(died('FAILED')).toEqual(['STEP_KILLED'])
    expect(died('OUT_OF_MEMORY')).toEqual(['OUT_OF_MEMORY'])
    expect(died('TIMEOUT')).toEqual(['TIME_LIMIT'])
    for (const state of ['NODE_FAIL', 'PREEMPTED', 'CANCELLED by 0', 'COMPLETED', 'BOOT_FAIL'])
      expect(kinds(look([begun], [seen(state)]))).toEqual(['release'])
    for (const state of ['FAILED', 'TIMEOUT', 'NODE_FAIL'])
      expect(kinds(look([load()], [seen(state)]))).toEqual(['release'])
  })

  test('nothing is concluded from a state that is not known, whatever the claim is', () => {
    for (const one of [load(), load({ begunRun: 0 }), load({ isHeld: false })]) {
      const judgement = look([one], [seen('FROBNICATING')], 100)
      expect(judgement.unknown).toEqual([{ element: '7_0', text: 'FROBNICATING' }])
      expect([...judgement.release, ...judgement.died, ...judgement.closed, ...judgement.needless]).toEqual(
        [],
      )
    }
  })

  test('a job that squeue lists no more: the completion log counts; without it only a third miss does, and a begun step has its lease', () => {
    const state = parseJobState('FAILED')
    expect(kinds(look([load({ begunRun: 0 })], [], 0, { '7_0': state }))).toEqual(['died'])
    expect(kinds(look([load()], [], 1))).toEqual(['hold'])
    expect(look([load()], [], 2).release[0]?.reason).toContain('Slurm knows nothing of job 7_0')
    expect(kinds(look([load({ begunRun: 0 })], [], 5))).toEqual([])
    expect(look([load({ isHeld: false })], [], 5).closed).toEqual(['b'])
    expect(look([load({ isHeld: false })], [], 0).closed).toEqual([])
  })

  test('a batch whose submitter died before it noted the number is found by its comment, or given back', () => {
    expect(look([load({ jobId: null })], [seen('PENDING')])).toMatchObject({
      adopted: [{ batchId: 'b', jobId: 7 }],
      hold: [{ note: 'waits in Slurm: job 7_0 is PENDING (Resources)' }],
    })
    expect(kinds(look([load({ jobId: null })], []))).toEqual(['hold'])
    expect(kinds(look([load({ jobId: null, batchAgeS: 91 })], []))).toEqual(['release'])
  })

  test('a batch is closed when all of its elements have ended and no claim hangs on it', () => {
    const loads = [load({ isHeld: false }), load({ isHeld: false, element: 1 })]
    expect(look(loads, [seen('COMPLETED'), seen('RUNNING', 1)]).closed).toEqual([])
    expect(look(loads, [seen('COMPLETED'), seen('FAILED', 1)]).closed).toEqual(['b'])
  })
})

test('elements that wait are told of other excluded nodes once; what runs is left alone', () => {
  const element = (jobId: number, index: number, state: string, excluded: string): [string, SlurmElement] => [
    `${jobId}_${index}`,
    {
      ...{ jobId, element: index, state: parseJobState(state), excluded },
      ...{ reason: '', restarts: 0, nodes: '', batchId: 'b' },
    },
  ]
  const queue = new Map([
    element(1, 0, 'RUNNING', ''),
    element(1, 1, 'PENDING', ''),
    element(1, 2, 'PENDING', ''),
    element(2, 0, 'PENDING', 'n[1-2]'),
  ])
  const of = (known: [number, string][], wanted: string) =>
    staleExclusions(queue, new Map(known), wanted).map(({ elements }) => elements)
  expect(of([[2, 'n1,n2']], 'n1,n2')).toEqual(['1_[1,2]'])
  expect(of([[2, 'n1,n2']], '')).toEqual(['2_[0]'])
  // After a start of the scheduler nothing is known of what Slurm writes its own way.
  expect(of([], 'n1,n2')).toEqual(['1_[1,2]', '2_[0]'])
  expect(of([[1, 'n3'], [2, 'n3']], 'n3')).toEqual([]) // prettier-ignore
})

test('the largest request is what the largest node has, in steps of 64 MiB; a cluster that says nothing bounds nothing', () => {
  expect(largestRequestMb([{ memoryMb: 4000 }, { memoryMb: 1 }, { memoryMb: NaN }])).toBe(3968)
  expect(largestRequestMb([{ memoryMb: 0 }])).toBe(0)
  expect(largestRequestMb([])).toBe(0)
})
