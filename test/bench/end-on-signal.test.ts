import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { programRoot, temporaryFolder } from '../support/cli.js'
import { processesOf } from '../support/processes-of.js'
import { eventually } from '../support/queue.js'

test('a benchmark that is ended by SIGTERM ends its Postgres and its child processes', async () => {
  const folder = temporaryFolder('bench')
  const bench = spawn(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'bench', 'scheduler'], {
    env: { ...process.env, TMPDIR: folder, TILTH_ROOT: programRoot },
    stdio: 'ignore',
  })
  onTestFinished(() => {
    bench.kill('SIGKILL')
  })
  const server = await eventually(
    () => {
      const home = readdirSync(folder).find((name) => name.startsWith('tilth-bench-scheduler-'))
      const file = join(folder, home ?? '', 'postgres', 'data', 'postmaster.pid')
      const lines = home !== undefined && existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
      return Promise.resolve(lines[7]?.trim() === 'ready' && { file, pid: Number(lines[0]) })
    },
    'the server of the benchmark is ready',
    60_000,
  )
  const ended = new Promise((resolve) =>
    bench.once('exit', (code, signal) => {
      resolve(code ?? signal)
    }),
  )
  bench.kill('SIGTERM')
  expect(await ended).toBe(143)
  expect(existsSync(server.file)).toBe(false)
  // It removes its file last; a process that nobody has waited for yet has no command line any more.
  const commandLine = () => readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')
  await eventually(
    () => Promise.resolve(!existsSync(`/proc/${server.pid}`) || commandLine() === ''),
    'the server is gone',
  )
  expect(processesOf(folder)).toEqual([])
})
