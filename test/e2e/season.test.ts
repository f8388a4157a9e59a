import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, tilth } from '../support/cli.js'
import { processesOf } from '../support/processes-of.js'
import { eventually } from '../support/queue.js'

interface SeasonResult {
  readonly index: string
  readonly faults: readonly string[]
  readonly rounds: readonly {
    readonly name: string
    readonly counts: {
      readonly acquisitions: number
      readonly l2a: number
      readonly explained: number
      readonly lostAttempts: number
    }
    readonly kills: Readonly<Record<string, number>>
    readonly levels: Readonly<Record<string, { readonly count: number; readonly sha256: string }>>
  }[]
}

/** The demonstration at a small size, each round with its own data folder and server; what it checks by itself is listed in docs/demo.md. */
test('a season runs by itself, with and without kills of steps, scheduler and Postgres: all that can be made, once, the same pixels', async () => {
  const dir = join(temporaryFolder('season'), 'here')
  const { exitCode, stdout, stderr } = await tilth(
    [
      ...['demo', 'season', '--size', 'small', '--rounds', 'local,local-kills'],
      ...['--days-per-s', '4', '--timeout', '10', '--dir', dir, '--json'],
    ],
    {},
    1_400_000,
  )
  expect(exitCode, stdout + stderr).toBe(0)
  const { rounds, faults, index } = JSON.parse(stdout) as SeasonResult
  expect(faults).toEqual([])
  const [plain, killed] = rounds
  // 13 simulated acquisitions: 2 broken, 1 superseded; 12 more are listed and too cloudy.
  for (const round of rounds) {
    expect(round.counts).toMatchObject({ acquisitions: 25, l2a: 10 })
    // Of three tiles in three months, each composite is there or explained.
    expect(round.counts.explained).toBe(15 + 9 - (round.levels['L3A']?.count ?? 0))
    expect(round.levels).toMatchObject({ L2A: { count: 10 }, L3B: { count: 10 } })
    expect(round.levels['L3A']?.count).toBeGreaterThanOrEqual(6)
  }
  expect(killed?.levels).toEqual(plain?.levels)
  expect(plain?.kills).toEqual({ steps: 0, schedulers: 0, postgres: 0, nodes: 0 })
  expect(killed?.kills).toEqual({ steps: 2, schedulers: 1, postgres: 1, nodes: 0 })
  expect(plain?.counts.lostAttempts).toBe(0)
  const page = readFileSync(index, 'utf8')
  for (const [, link = ''] of page.matchAll(/<a href="([^"]+)"/g))
    expect(existsSync(join(dirname(index), decodeURIComponent(link))), link).toBe(true)
  expect(page).toContain('season-garonne.html')
  // A server that was asked to stop may take some seconds.
  await eventually(() => Promise.resolve(processesOf(dir).length === 0), 'nothing is left running')
}, 1_500_000)
