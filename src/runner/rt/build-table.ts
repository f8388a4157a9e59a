import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeAtmosphereTable } from '../../processors/l2a/rt-table.js'
import type { TablePlan } from './plan.js'
import { findSolver, readPart, solvePart, writePart, writeWhole } from './solve-part.js'

export interface BuildOptions {
  /** The table; replaced in one go when all of it is there. */
  readonly out: string
  /** Folder for what is done so far; a build that was ended goes on from it. Removed at the end. */
  readonly parts: string
  /** Processes of the solver side by side; the bytes do not depend on it. */
  readonly threads: number
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

export interface BuiltTable {
  readonly out: string
  readonly bytes: number
  readonly parts: number
  /** Of them taken over from an earlier run. */
  readonly resumed: number
}

/**
 * Makes the table of the atmosphere, part by part. @throws ProcessingError NOT_FOUND without the solver, INTERNAL where it fails; the signal's reason when
 * aborted, with the parts that are done kept.
 */
export async function buildTable(plan: TablePlan, options: BuildOptions): Promise<BuiltTable> {
  const solver = await findSolver()
  await mkdir(options.parts, { recursive: true })
  const answers = new Array<Uint8Array | undefined>(plan.parts.length)
  const pathOf = (index: number): string => join(options.parts, `${String(index).padStart(4, '0')}.part`)
  for (const [index, part] of plan.parts.entries())
    answers[index] = (await readPart(pathOf(index), part)) ?? undefined
  const resumed = answers.filter((answer) => answer !== undefined).length
  const missing = plan.parts
    .map((part, index) => ({ part, index }))
    .filter(({ index }) => answers[index] === undefined)
  let done = 0
  const report = (note: string): void => {
    // What an earlier run did says nothing of the time that is left.
    options.onProgress(missing.length === 0 ? 1 : done / missing.length, note)
  }
  report(`${resumed} of ${plan.parts.length} parts were there`)
  // One failure stops the others: they would only waste time.
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const queue = missing.values()
  const work = async (): Promise<void> => {
    for (const { part, index } of queue) {
      const answer = await solvePart(solver, part, signal)
      await writePart(pathOf(index), part, answer)
      answers[index] = answer
      done++
      report(`${part.model}, ${plan.header.wavelengths_um[part.wavelength]} um`)
    }
  }
  const workers = Array.from({ length: options.threads }, () =>
    work().catch((error: unknown) => {
      stop.abort(error)
      throw error
    }),
  )
  const ended = await Promise.allSettled(workers)
  options.signal.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  const wavelengths = plan.header.wavelengths_um.length
  const states = plan.header.models.map((_, model) =>
    plan.header.wavelengths_um.map((_um, wavelength) => {
      const bytes = answers[model * wavelengths + wavelength]
      if (bytes === undefined) throw new Error('a part vanished')
      // A copy: what was read from a pipe or file need not lie where floats may begin.
      return new Float32Array(Uint8Array.from(bytes).buffer)
    }),
  )
  const table = encodeAtmosphereTable(plan.header, states, plan.phases)
  await writeWhole(options.out, table)
  await rm(options.parts, { recursive: true })
  return { out: options.out, bytes: table.length, parts: plan.parts.length, resumed }
}
