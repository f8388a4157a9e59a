import { open } from 'node:fs/promises'
import { z } from 'zod'
import type { StepContext, StepResult } from '../../src/runner/step-context.js'

/** Parameters of an eager step. */
export const eagerParams = z.object({
  /** File that it walks, whole bytes of one value. */
  file: z.string().min(1),
  value: z.number().int().min(0).max(255),
  /** How often it walks it: all walks but the first find it in memory, if it is left there. */
  walks: z.number().int().min(1),
  /** What it holds besides, MiB. */
  holdMb: z.number().int().min(1),
})

const CHUNK = 2 ** 20
const PAGE = 4096

/**
 * A step that holds memory and walks a file again and again, as one does that reads bands block by block for several outputs. It looks at every page of
 * both, and fails where a byte is not what was written.
 */
async function run(context: StepContext): Promise<StepResult> {
  const { file, value, walks, holdMb } = eagerParams.parse(context.params)
  const held = Buffer.alloc(holdMb * 2 ** 20, value)
  const chunk = Buffer.alloc(CHUNK)
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    for (let walk = 0; walk < walks; walk++) {
      for (let at = 0; at < size; at += CHUNK) {
        context.signal.throwIfAborted()
        const { bytesRead } = await handle.read(chunk, 0, CHUNK, at)
        for (let i = 0; i < bytesRead; i += PAGE) if (chunk[i] !== value) throw wrong(file, at + i)
      }
      for (let i = 0; i < held.length; i += PAGE) if (held[i] !== value) throw wrong('held memory', i)
      context.progress((walk + 1) / walks, `walk ${walk + 1}`)
    }
  } finally {
    await handle.close()
  }
  return { products: [] }
}

const wrong = (what: string, at: number) => new Error(`Byte ${at} of ${what} is not what was written.`)

export const runs = { l2a: run }
