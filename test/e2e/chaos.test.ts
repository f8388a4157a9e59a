import { expect, test } from 'vitest'
import { tilth } from '../support/cli.js'

/** The benchmark at a small size, with its own data folder and server. */
test('a round under fire: processes, schedulers and Postgres die, every step takes effect once, in order, nothing is left', async () => {
  const { exitCode, stdout, stderr } = await tilth([
    ...['bench', 'chaos', '--rounds', '1', '--steps', '45', '--seed', '5'],
    ...['--step-kills', '6', '--scheduler-kills', '2', '--restarts', '1'],
  ])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/killed 6 step processes .* 2 schedulers, Postgres 1 times/)
  expect(stdout).toContain('every step took effect once, in order, nothing left')
})
