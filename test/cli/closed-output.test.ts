import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { programRoot } from '../support/cli.js'

/** Exit status and messages of a call whose reader of stdout or stderr has gone before the first byte. */
async function withClosed(stream: 'stdout' | 'stderr', args: readonly string[]) {
  const child = spawn(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), ...args], {
    env: { ...process.env, TILTH_ROOT: programRoot },
  })
  const read = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (part: Buffer) => (read[name] += part.toString()))
  child[stream].destroy()
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, ...read }
}

test('a reader that has gone ends a listing as SIGPIPE does, without a stack', async () => {
  expect(await withClosed('stdout', ['--help'])).toMatchObject({ status: 141, stderr: '' })
})

test('messages that nobody reads change nothing of what a command does', async () => {
  expect(await withClosed('stderr', ['l2a', '/nowhere', '--out', '/nowhere'])).toMatchObject({
    status: 65,
    stdout: '',
  })
})
