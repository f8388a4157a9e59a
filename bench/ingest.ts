import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replaceOwnFolder } from '../src/products/own-folder.js'
import { makeManyProducts } from './many-products.js'
import { measure } from './process-tree.js'
import { noteServerInUse } from '../src/db/servers-in-use.js'

const root = process.env['TILTH_ROOT'] ?? process.cwd()
const tilth = join(root, 'tilth')

interface Ingested {
  readonly seconds: number
  readonly peakMb: number
  /** Peak resident memory when a tenth was done, MB. */
  readonly earlyMb: number
  readonly outcomes: readonly { readonly kind: string; readonly identity: string; readonly isNew: boolean }[]
}

/**
 * Ingests the same many products by two processes at once, then once more by one of them: each acquisition must be new exactly once, none
 * twice, and nothing new the second time. Prints products a second and the peak memory of a process, early and at its end.
 */
export async function run({ products, dir }: { products: number; dir: string | null }): Promise<void> {
  const base = dir ?? join(tmpdir(), 'tilth-bench-ingest')
  await replaceOwnFolder(base)
  const one = join(base, 'one')
  mkdirSync(one, { recursive: true })
  await measure(tilth, [
    'simulate',
    '--tile',
    '31TCJ',
    '--date',
    '2025-05-10',
    '--pixel-size',
    '720',
    '--out',
    one,
  ])
  const safe = join(one, readdirSync(one).find((name) => name.endsWith('.SAFE')) ?? '')
  const many = makeManyProducts(safe, products, join(base, 'many'))
  const env = { ...process.env, TILTH_HOME: join(base, 'home') }
  const forget = noteServerInUse(join(base, 'home', 'postgres', 'data'))
  try {
    const both = await Promise.all([ingest(many, products, env), ingest(many, products, env)])
    const fresh = both.flatMap(({ outcomes }) => outcomes.filter((o) => o.isNew).map((o) => o.identity))
    const all = new Set(both.flatMap(({ outcomes }) => outcomes.map((o) => o.identity)))
    for (const { outcomes } of both)
      if (outcomes.length !== products || outcomes.some((o) => o.kind !== 'present'))
        throw new Error(`expected ${products} products present, found ${outcomes.length}`)
    if (fresh.length !== products || all.size !== products)
      throw new Error(`${all.size} acquisitions, new ${fresh.length} times; expected ${products} of both`)
    const again = await ingest(many, products, env)
    if (again.outcomes.some((o) => o.isNew)) throw new Error('the second time something was new')
    for (const [i, { seconds, peakMb, earlyMb }] of [...both, again].entries())
      console.log(
        `${i < 2 ? `at once, process ${i + 1}` : 'once more, alone'}: ${products} products in ${seconds.toFixed(0)} s, ${(products / seconds).toFixed(1)} a second, ` +
          `peak memory ${peakMb.toFixed(0)} MB (${earlyMb.toFixed(0)} MB after a tenth)`,
      )
    console.log(`each of ${products} acquisitions was new exactly once`)
  } finally {
    forget()
    rmSync(base, { recursive: true, force: true })
  }
}

async function ingest(path: string, products: number, env: NodeJS.ProcessEnv): Promise<Ingested> {
  const started = performance.now()
  const child = spawn(process.execPath, [join(root, 'dist/src/cli/main.js'), 'ingest', path, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let [out, log, peakMb, earlyMb] = ['', '', 0, 0]
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const timer = setInterval(() => {
    const status = `/proc/${child.pid ?? 0}/status`
    if (!existsSync(status)) return
    const kb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0)
    peakMb = Math.max(peakMb, kb / 1024)
    if (!log.includes(' 20 %')) earlyMb = peakMb
  }, 200)
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(timer)
  if (status !== 0)
    throw new Error(`ingest of ${products} products ended with ${String(status)}:\n${log.slice(-2000)}`)
  const outcomes = JSON.parse(out) as Ingested['outcomes']
  return { seconds: (performance.now() - started) / 1000, peakMb, earlyMb, outcomes }
}
