import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseProductName, productFolder } from '../../src/products/layout.js'
import type { StepContext, StepResult } from '../../src/runner/step-context.js'
import type { ChaosParams, Effect } from './plan.js'

/** Content of a step's product: follows from the step and from what its predecessors published, whatever the order of events. */
export const valueOf = (index: number, predecessors: readonly string[]): string =>
  createHash('sha256')
    .update([String(index), ...predecessors].join('\n'))
    .digest('hex')
export const VALUE_FILE = 'value.txt'

/**
 * A step that reads what its predecessors published, works for a while, notes what it does in a file of its own that is only ever
 * appended to, and publishes as every processor does. It fails where a predecessor has published nothing yet.
 */
async function run(context: StepContext): Promise<StepResult> {
  const params = context.params as ChaosParams
  const note = (what: Effect['what']) => {
    const effect: Effect = { step: context.stepId, attempt: context.attempt, pid: process.pid, what }
    appendFileSync(params.effects, `${JSON.stringify(effect)}\n`)
  }
  note('begin')
  const inputs: string[] = []
  for (const name of params.predecessors) inputs.push(await publishedValue(context, name))
  await wait(params.work_ms / 2, undefined, { signal: context.signal })
  const folder = join(context.stagingDir, 'product')
  await mkdir(folder)
  await writeFile(join(folder, VALUE_FILE), valueOf(params.index, inputs))
  await writeFile(join(context.scratchDir, 'scratch'), Buffer.alloc(4096))
  context.progress(0.5, 'written')
  await wait(params.work_ms / 2, undefined, { signal: context.signal })
  note('done')
  return {
    products: [
      {
        name: params.product,
        level: 'L2A',
        processor: context.processor,
        processorVersion: 1,
        satellite: 's2',
        platform: 'S2A',
        tile: '31TCJ',
        sensedAt: params.sensed_at,
        relativeOrbit: parseProductName(params.product)?.relativeOrbit ?? null,
        acquisitionId: null,
        folder,
        bbox: null,
        provenance: { parameters: {} },
      },
    ],
  }
}

/** Any revision will do, they must all say the same; one that was placed and never registered may vanish while it is read. */
async function publishedValue(context: StepContext, name: string): Promise<string> {
  const id = parseProductName(name)
  if (id === undefined) throw new Error(`${name} is no product name`)
  const folder = context.resolvePath(`archive:${productFolder(id)}`)
  for (const revision of await readdir(folder).catch(() => []))
    try {
      return await readFile(join(folder, revision, VALUE_FILE), 'utf8')
    } catch {
      continue
    }
  throw new Error(`${name} should have been published before, but there is none in ${folder}.`)
}

export const runs = { l2a: run }
