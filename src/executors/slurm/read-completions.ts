import { open } from 'node:fs/promises'
import { parseJobState, type JobState } from './job-state.js'
import { keyOf } from './read-queue.js'

/** The newest part of a completion log is looked at only, bytes: it holds the last 20 000 jobs or so. */
const TAIL_BYTES = 8 * 2 ** 20

/** How elements of arrays ended, by `<job>_<element>`, from the text of jobcomp/filetxt; the last line of an element counts. Pure. */
export function parseCompletions(text: string): ReadonlyMap<string, JobState> {
  const found = new Map<string, JobState>()
  for (const line of text.split('\n')) {
    const fields = new Map(
      [...line.matchAll(/(?:^|\s)([A-Za-z]+)=(.*?)(?=\s[A-Za-z]+=|\s*$)/g)].map(([, key, value]) => [
        key,
        value,
      ]),
    )
    const [job, element, state] = ['ArrayJobId', 'ArrayTaskId', 'JobState'].map(
      (key) => fields.get(key) ?? '',
    )
    if (job === undefined || element === undefined || state === undefined) continue
    if (/^\d+$/.test(job) && /^\d+$/.test(element) && state !== '')
      found.set(keyOf(Number(job), Number(element)), parseJobState(state))
  }
  return found
}

/** The same of a file; empty where it cannot be read here. */
export async function readCompletions(path: string): Promise<ReadonlyMap<string, JobState>> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return new Map()
  try {
    const { size } = await file.stat()
    const from = Math.max(0, size - TAIL_BYTES)
    const buffer = Buffer.alloc(size - from)
    await file.read(buffer, 0, buffer.length, from)
    return parseCompletions(buffer.toString())
  } finally {
    await file.close()
  }
}
