import { execa } from 'execa'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, onTestFinished } from 'vitest'

export const programRoot = resolve(import.meta.dirname, '../..')
/** Real test input beside the checkout; tests that need it are skipped where it is missing. */
export const sharedData = resolve(programRoot, '../shared/data')
export const hasSharedData = existsSync(sharedData)
export const REAL_SAFE = join(
  sharedData,
  's2-l1c-decimated',
  'S2A_MSIL1C_20171207T002051_N0206_R116_T55JEJ_20171207T032513.SAFE',
)

export interface CliResult {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Runs the compiled program as a user would, without the launcher's build step. Never rejects: look at exitCode. */
export async function tilth(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeout = 550_000,
): Promise<CliResult> {
  const result = await execa(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), ...args], {
    reject: false,
    env: { TILTH_ROOT: programRoot, ...env },
    timeout,
  })
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr }
}

/**
 * A folder that is removed after the tests of the file or describe block that asks for it, or after the test that does. The space in
 * its name is on purpose. (Nothing hangs on the exit of the process: vitest ends its workers in a way that emits none.)
 */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tilth ${name}-`))
  // As root the database server runs as user postgres, who must be able to enter.
  chmodSync(folder, 0o755)
  const remove = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
  if (expect.getState().currentTestName === undefined) afterAll(remove)
  else onTestFinished(remove)
  return folder
}

/** The one product folder below `--out`. */
export function productFolder(out: string): string {
  const names = readdirSync(out).filter((name) => !name.startsWith('.'))
  if (names.length !== 1)
    throw new Error(`expected one product in ${out}, found ${names.join(', ') || 'none'}`)
  return join(out, names[0] ?? '')
}
