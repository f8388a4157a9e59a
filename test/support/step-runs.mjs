/**
 * Step functions for tests of scheduler, executor and runner, loaded by TILTH_TEST_PROCESSOR. `params.act` says what to do:
 * publish (a product with one file), wait (publish when the file `params.release` exists), fail (with `params.code`),
 * kill-once (SIGKILL to itself in the first attempt, after staging half a product), exhaust (allocate until V8 gives up),
 * hoard, fill-disk, chatter, spin, children (misuse memory, disk, log, time, memory of a child),
 * deaf (never ends and never looks at its signal), kill (`params.signal` to itself in every attempt), block (keeps the main thread for
 * ever, in the first attempt only with `params.once`), threads (log each budget until released).
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

async function stage(context, text) {
  const folder = join(context.stagingDir, 'product')
  await mkdir(folder)
  await writeFile(join(folder, 'B02_sre.tif'), text)
  return folder
}

function productOf(context, folder) {
  return {
    name:
      context.params.name ??
      `S2A_L2A_31TCJ_20260101T000000_R${String(((context.stepId - 1) % 999) + 1).padStart(3, '0')}`,
    level: 'L2A',
    processor: context.processor,
    processorVersion: 1,
    satellite: 's2',
    platform: 'S2A',
    tile: '31TCJ',
    sensedAt: '2026-01-01T00:00:00.000Z',
    relativeOrbit: 51,
    acquisitionId: context.params.acquisition_id ?? null,
    folder,
    bbox: [1, 43, 2, 44],
    provenance: { parameters: context.params.parameters ?? {} },
  }
}

const released = async (context) => {
  while (!existsSync(context.params.release)) await wait(20, undefined, { signal: context.signal })
}

const acts = {
  publish: async () => undefined,
  wait: async (context) => {
    context.progress(0.5, 'waiting')
    await released(context)
  },
  fail: async (context) => {
    throw Object.assign(
      new Error(context.params.message ?? 'as asked'),
      context.params.code === undefined ? {} : { code: context.params.code },
    )
  },
  'kill-once': async (context) => {
    if (context.attempt > 1) return
    await stage(context, 'half')
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => undefined)
  },
  exhaust: async () => {
    const hold = []
    for (;;) hold.push(new Array(1_000_000).fill(Math.random()))
  },
  kill: async (context) => {
    context.log.info(`about to end by ${context.params.signal}`)
    process.kill(process.pid, context.params.signal)
    await new Promise(() => undefined)
  },
  block: async (context) => {
    if (context.params.once && context.attempt > 1) return
    context.log.info('blocked')
    await wait(50)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
  deaf: async (context) => {
    context.log.info('deaf')
    for (;;) await wait(1000)
  },
  hoard: async (context) => {
    // Memory that is touched, outside of V8's heap, until `params.mb`, less where blocks are halved.
    const hold = []
    const chunks = Math.ceil(context.params.mb / 2 ** context.blockShrink / 16)
    for (let i = 0; i < chunks; i++) {
      hold.push(Buffer.alloc(16 * 2 ** 20, 1))
      await wait(20, undefined, { signal: context.signal })
    }
    // Three looks of the scheduler.
    await wait(3500, undefined, { signal: context.signal })
    context.log.info(`held ${hold.length}`)
  },
  'fill-disk': async (context) => {
    for (let i = 0; ; i++) {
      await writeFile(join(context.scratchDir, `part-${i}`), Buffer.alloc(2 ** 20, i))
      await wait(20, undefined, { signal: context.signal })
    }
  },
  chatter: async (context) => {
    const line = 'x'.repeat(4095)
    for (let i = 0; i < context.params.kib / 4; i++) {
      process.stderr.write(`${line}\n`)
      if (i % 64 === 63) await wait(1, undefined, { signal: context.signal })
    }
  },
  spin: async () => {
    // Neither looks at its signal nor lets the event loop turn.
    for (;;) Math.sqrt(2)
  },
  children: async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'const held = Buffer.alloc(2 ** 28, 1); setTimeout(() => held.at(0), 2500)'],
      { stdio: 'ignore' },
    )
    await new Promise((resolve) => child.on('exit', resolve))
  },
  threads: async (context) => {
    context.log.info(`budget ${context.threads.value}`)
    await appendFile(context.params.record, `${context.threads.value}\n`)
    context.threads.onChange((threads) => void appendFile(context.params.record, `${threads}\n`))
    await released(context)
  },
}

async function run(context) {
  if (context.params.delay_ms) await wait(context.params.delay_ms, undefined, { signal: context.signal })
  await acts[context.params.act](context)
  const folder = await stage(context, `attempt ${context.attempt}`)
  context.progress(1, 'done')
  return { products: [productOf(context, folder)] }
}

export const runs = { l2a: run, testing: run }
