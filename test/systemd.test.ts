import { execa } from 'execa'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { programRoot, temporaryFolder } from './support/cli.js'

const folder = join(programRoot, 'config', 'systemd')
const units = readdirSync(folder).filter((name) => name.endsWith('.service'))
const hasSystemd = (await execa('systemd-analyze', ['--version'], { reject: false })).exitCode === 0

test('each unit stops the scheduler alone, survives a step that ran out of memory, and comes back after a failure', () => {
  expect(units).toEqual(['tilth-own-postgres.service', 'tilth.service'])
  for (const unit of units)
    expect(readFileSync(join(folder, unit), 'utf8').split('\n')).toEqual(
      expect.arrayContaining([
        'ExecStart=/opt/tilth/tilth up',
        'KillSignal=SIGTERM',
        'KillMode=mixed',
        'OOMPolicy=continue',
        'Restart=on-failure',
      ]),
    )
})

test.skipIf(!hasSystemd).each(units)('systemd finds nothing wrong with %s', async (unit) => {
  const copy = join(temporaryFolder('systemd'), unit)
  // Verified is also that the program is there: it is this one here.
  const text = readFileSync(join(folder, unit), 'utf8').replaceAll(
    '/opt/tilth/tilth',
    join(programRoot, 'tilth'),
  )
  writeFileSync(copy, text)
  const { exitCode, stderr, stdout } = await execa('systemd-analyze', ['verify', '--man=no', copy], {
    reject: false,
  })
  // What other units of this machine lack is not ours to say.
  const ours = `${stdout}\n${stderr}`.split('\n').filter((line) => line.includes(unit))
  expect(ours).toEqual([])
  expect(exitCode).toBe(0)
})
