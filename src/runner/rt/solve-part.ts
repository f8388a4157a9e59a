import { execa } from 'execa'
import { createHash } from 'node:crypto'
import { access, open, readFile, rename } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { TablePart } from './plan.js'

const DIGEST_BYTES = 32
/** The root of the program, where its configuration and build lie. */
export const programRoot = (): string => dirname(createRequire(import.meta.url).resolve('#package.json'))

const sha256 = (bytes: string | Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** @throws ProcessingError NOT_FOUND where the solver was not built. */
export async function findSolver(): Promise<string> {
  const path = join(programRoot(), 'build/native/rt_solve')
  await access(path).catch(() => {
    throw new ProcessingError(
      'NOT_FOUND',
      `The solver ${path} was not built. Run ./tilth --version, which builds what is missing.`,
    )
  })
  return path
}

/**
 * The solver's answer to one part. @throws ProcessingError INTERNAL with the end of its stderr where it fails or says less than it should;
 * the signal's reason when aborted.
 */
export async function solvePart(solver: string, part: TablePart, signal: AbortSignal): Promise<Uint8Array> {
  const run = await execa(solver, [], {
    input: part.description,
    encoding: 'buffer',
    maxBuffer: part.bytes + 1024,
    cancelSignal: signal,
    reject: false,
  })
  signal.throwIfAborted()
  if (run.failed || run.stdout.length !== part.bytes)
    throw new ProcessingError(
      'INTERNAL',
      `${solver} for ${part.model} at wavelength ${part.wavelength}: exit ${run.exitCode ?? run.signal ?? '?'}, ${run.stdout.length} bytes instead of ${part.bytes}. ${Buffer.from(run.stderr).toString('utf8').trim().slice(-500)}`,
    )
  return run.stdout
}

/** A file of an earlier run: digest of the description, the answer, digest of the answer. Null where it is absent, torn or of another description. */
export async function readPart(path: string, part: TablePart): Promise<Uint8Array | null> {
  const file = await readFile(path).catch(() => null)
  if (file?.length !== part.bytes + 2 * DIGEST_BYTES) return null
  const answer = file.subarray(DIGEST_BYTES, DIGEST_BYTES + part.bytes)
  const isWhole =
    sha256(part.description).equals(file.subarray(0, DIGEST_BYTES)) &&
    sha256(answer).equals(file.subarray(DIGEST_BYTES + part.bytes))
  return isWhole ? answer : null
}

export const writePart = (path: string, part: TablePart, answer: Uint8Array): Promise<void> =>
  writeWhole(path, Buffer.concat([sha256(part.description), answer, sha256(answer)]))

/** A file that is there is whole: written beside, synced, renamed. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`
  const file = await open(beside, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
