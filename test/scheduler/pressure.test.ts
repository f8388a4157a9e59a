import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { admit, type Caps } from '../../src/scheduler/admission.js'
import { PressureGate, readStalls, spreadFrom, type Stalls } from '../../src/scheduler/pressure.js'
import { temporaryFolder } from '../support/cli.js'

const LIMITS = { memoryPercent: 10, ioPercent: 50, intervalS: 5 }
const CALM = { memory: 0, io: 0 }

/** A gate under a clock of its own: each call is one interval with these shares of time lost, percent. */
function gateOver(slots: number, limits = LIMITS) {
  const gate = new PressureGate()
  let atMs = 0
  let stalls: Stalls = { memoryUs: 0, ioUs: 0 }
  gate.look(atMs, () => stalls, { used: 0, slots, limits })
  return (lost: { memory: number; io: number }, used: number) => {
    atMs += limits.intervalS * 1000
    const us = limits.intervalS * 10_000
    stalls = { memoryUs: (stalls.memoryUs ?? 0) + lost.memory * us, ioUs: (stalls.ioUs ?? 0) + lost.io * us }
    return gate.look(atMs, () => stalls, { used, slots, limits })
  }
}

describe('the counters', () => {
  test('are those of the machine or of the control group, whichever has stalled for longer', () => {
    const root = temporaryFolder('psi')
    const put = (path: string, text: string) => {
      mkdirSync(join(root, path, '..'), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const lines = (some: number, full: number) =>
      `some avg10=1.00 avg60=0.00 avg300=0.00 total=${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`
    expect(readStalls(root)).toEqual({ memoryUs: null, ioUs: null })
    put('proc/pressure/memory', lines(700, 300))
    put('proc/pressure/io', lines(900, 400))
    expect(readStalls(root)).toEqual({ memoryUs: 700, ioUs: 400 })
    put('proc/self/cgroup', '0::/tilth.slice\n')
    put('sys/fs/cgroup/tilth.slice/memory.pressure', lines(5000, 10))
    put('sys/fs/cgroup/tilth.slice/io.pressure', lines(10, 10))
    expect(readStalls(root)).toEqual({ memoryUs: 5000, ioUs: 400 })
    // Beside controllers of version 1 the groups of version 2 are mounted elsewhere.
    put('sys/fs/cgroup/unified/tilth.slice/io.pressure', lines(10, 8000))
    expect(readStalls(root)).toEqual({ memoryUs: 5000, ioUs: 8000 })
  })

  test('are there on this kernel', ({ skip }) => {
    const { memoryUs, ioUs } = readStalls()
    if (memoryUs === null) skip('this kernel has no /proc/pressure')
    expect(memoryUs).toBeGreaterThanOrEqual(0)
    expect(ioUs).toBeGreaterThanOrEqual(0)
  })
})

describe('the gate', () => {
  test('takes slots away by the share of time lost, half at most, and never the last', () => {
    const look = gateOver(16)
    expect(look(CALM, 16)).toBeNull()
    // 20 % lost: 16 x 0.8 = 12.8.
    expect(look({ memory: 20, io: 0 }, 16)).toEqual({
      slots: 12,
      reason: 'steps waited for memory 20 % of the time, pressure.memory_percent is 10',
    })
    expect(look({ memory: 0, io: 90 }, 12)).toEqual({
      slots: 6,
      reason: 'steps waited for disks 90 % of the time, pressure.io_percent is 50',
    })
    for (const [used, slots] of [
      [6, 3],
      [3, 1],
      [1, 1],
    ] as const)
      expect(look({ memory: 100, io: 0 }, used)?.slots).toBe(slots)
  })

  test('waits for what runs to give way before it takes more', () => {
    const look = gateOver(16)
    expect(look({ memory: 50, io: 0 }, 16)?.slots).toBe(8)
    for (let i = 0; i < 3; i++) expect(look({ memory: 50, io: 0 }, 16)?.slots).toBe(8)
    expect(look({ memory: 50, io: 0 }, 16)?.slots).toBe(4)
  })

  test('gives one back in each calm interval, only later where that many were too many, and in the end all', () => {
    const look = gateOver(8)
    expect(look({ memory: 50, io: 0 }, 8)?.slots).toBe(4)
    expect(look(CALM, 4)?.slots).toBe(5)
    expect(look(CALM, 5)?.slots).toBe(6)
    expect(look(CALM, 6)?.slots).toBe(7)
    for (let i = 0; i < 11; i++) expect(look(CALM, 7)?.slots).toBe(7)
    expect(look(CALM, 7)).toBeNull()
  })

  test('lets an idle host start a few steps at first, more while nothing stalls, and a few again after it was idle', () => {
    const gate = new PressureGate()
    const limits = LIMITS
    let atMs = 0
    let memoryUs = 0
    const after = (seconds: number, steps: number, memory = 0) => {
      atMs += seconds * 1000
      memoryUs += memory * seconds * 10_000
      gate.look(atMs, () => ({ memoryUs, ioUs: 0 }), { used: steps, steps, slots: 16, limits })
      return gate.spread?.steps ?? null
    }
    expect(after(0, 0)).toBe(4)
    expect(after(1, 4)).toBe(4)
    // A look within the interval changes nothing; what ran most in it counts.
    expect([after(4, 2), after(5, 6), after(5, 8), after(5, 11), after(5, 14)]).toEqual([6, 8, 11, 14, null])
    // Stalls: no more than run.
    expect(after(5, 14, 50)).toBe(14)
    expect(after(5, 0)).toBe(null)
    expect(after(5, 0)).toBe(4)
    // Rounds that follow an end see one fewer than run when they are over.
    const short = new PressureGate()
    let ramp = 4
    for (let i = 0; i <= 60; i++) {
      short.look(i * 500, () => ({ memoryUs: 0, ioUs: 0 }), { used: ramp - 1, slots: 16, limits })
      short.noteRunning(ramp)
      ramp = short.spread?.steps ?? 16
    }
    expect(ramp).toBe(16)
    const blind = new PressureGate()
    blind.look(0, () => ({ memoryUs: null, ioUs: null }), { used: 0, slots: 16, limits })
    expect(blind.spread).toBeNull()
    const small = new PressureGate()
    small.look(0, () => ({ memoryUs: 0, ioUs: 0 }), { used: 0, slots: 4, limits })
    expect(small.spread).toBeNull()
  })

  test('another process knows from how many steps on starts are spread', () => {
    const seen = { memoryUs: 0, ioUs: 0 }
    expect([4, 5, 16, 64].map((slots) => spreadFrom(slots, seen, LIMITS))).toEqual([Infinity, 4, 4, 8])
    expect(spreadFrom(64, { memoryUs: null, ioUs: null }, LIMITS)).toBe(Infinity)
    expect(spreadFrom(64, seen, { ...LIMITS, memoryPercent: 0, ioPercent: 0 })).toBe(Infinity)
  })

  test('between half of the threshold and the threshold nothing moves; 0 switches a threshold off', () => {
    const look = gateOver(8)
    look({ memory: 50, io: 0 }, 8)
    expect(look({ memory: 7, io: 0 }, 4)?.slots).toBe(4)
    expect(gateOver(8, { ...LIMITS, memoryPercent: 0 })({ memory: 100, io: 0 }, 8)).toBeNull()
  })

  test.each([3, 4, 6, 11])(
    'a machine that takes %i of 16 steps without loss does 0.9 of its best with it, and a fraction without',
    (best) => {
      // Beyond `best` all wait for what the others push out: n steps do the work of best/n x best.
      const rate = (n: number) => (n <= best ? n : (best * best) / n)
      const look = gateOver(16)
      let slots = 16
      let done = 0
      const intervals = 400
      for (let i = 0; i < intervals; i++) {
        done += rate(slots)
        const lost = slots <= best ? 0 : (1 - best / slots) * 100
        slots = look({ memory: lost, io: 0 }, slots)?.slots ?? 16
      }
      expect(done / intervals / best).toBeGreaterThan(0.9)
      expect(rate(16) / best).toBeLessThan(0.7)
    },
  )
})

describe('admission', () => {
  const caps: Caps = { bounds: () => [], lineage: () => [], threadsHint: () => 1 }
  const step = (id: number, memoryMb = 100) => ({ id, processor: 'l2a', siteId: null, memoryMb })
  const held = { slots: 2, reason: 'steps waited for disks 90 % of the time' }

  test('hands out the held slots only, takes threads back, and says why', () => {
    const running = [{ ...step(1), threads: 4 }]
    const { start, budgets, waiting } = admit(
      running,
      [step(2), step(3)],
      { slots: 4, memoryMb: 10_000, held },
      caps,
    )
    expect(start).toEqual([{ id: 2, threads: 1 }])
    expect(budgets).toEqual([{ id: 1, threads: 1 }])
    expect(waiting).toEqual([
      { id: 3, reason: `all of the 2 slots are taken that are handed out of 4: ${held.reason}` },
    ])
  })

  test('starts no more than are known to go together, one always, and leaves threads alone', () => {
    const spread = { steps: 2, reason: '2 steps start at once' }
    const { start, waiting } = admit(
      [],
      [1, 2, 3].map((id) => step(id)),
      { slots: 8, memoryMb: 10_000, spread },
      { ...caps, threadsHint: () => 4 },
    )
    expect(start).toEqual([
      { id: 1, threads: 4 },
      { id: 2, threads: 4 },
    ])
    expect(waiting).toEqual([{ id: 3, reason: spread.reason }])
  })

  test('starts beside others only what the machine has memory for now, and one step always', () => {
    const capacity = { slots: 4, memoryMb: 10_000, memoryLeftMb: 250 }
    expect(admit([], [step(1, 300)], capacity, caps).start).toHaveLength(1)
    const { start, waiting } = admit(
      [{ ...step(9), threads: 1 }],
      [step(1), step(2), step(3)],
      capacity,
      caps,
    )
    expect(start.map(({ id }) => id)).toEqual([1, 2])
    expect(waiting).toEqual([
      { id: 3, reason: 'needs 100 MiB, the machine has 50 available beyond executor.memory_reserve_mb' },
    ])
  })
})
