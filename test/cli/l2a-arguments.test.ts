import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REAL_SAFE, hasSharedData, temporaryFolder, tilth } from '../support/cli.js'

const any = join(temporaryFolder('l2a-arguments'), 'nothing.SAFE')

test.each([
  ['--threads', '1.5'],
  ['--threads', '0'],
  ['--block-size', '600'],
  ['--aot', '5'],
  ['--aot', 'thick'],
  ['--wv', '-1'],
  ['--ozone', '0.3'],
  ['--aerosol', 'volcanic'],
  ['--aerosol', 'continental:0.7,maritime:0.4'],
  ['--codec', 'lzw'],
  ['--memory', '64'],
])('%s %s is refused as usage, before anything is read', async (option, value) => {
  const { exitCode, stderr } = await tilth(['l2a', any, '--out', `${any}.out`, option, value])
  expect(exitCode).toBe(64)
  expect(stderr).toContain(option)
  expect(existsSync(`${any}.out`)).toBe(false)
})

test('a missing product and an output that is a file are named', async () => {
  const missing = await tilth(['l2a', any, '--out', `${any}.out`])
  expect(missing.exitCode).toBe(66)
  expect(missing.stderr).toContain('nothing.SAFE')
  const file = `${any}.file`
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '')
  const { exitCode, stderr } = await tilth(['l2a', any, '--out', file])
  expect(exitCode).toBe(64)
  expect(stderr).toContain('is a file')
})

test('a folder that takes no entries ends in an error, not in a loop', async () => {
  const { exitCode, stderr } = await tilth(['l2a', any, '--out', '/proc/tilth-cannot-be-here'])
  expect(exitCode).toBe(74)
  expect(stderr).toContain('WRITE_FAILED')
})

describe.skipIf(!hasSharedData)('an existing product', () => {
  test('is refused with a hint, and replaced with --force', async () => {
    const out = temporaryFolder('l2a-force')
    expect((await tilth(['l2a', REAL_SAFE, '--out', out, '--quiet'])).exitCode).toBe(0)
    const again = await tilth(['l2a', REAL_SAFE, '--out', out, '--quiet'])
    expect(again.exitCode).toBe(65)
    expect(again.stderr).toContain('--force')
    expect((await tilth(['l2a', REAL_SAFE, '--out', out, '--quiet', '--force'])).exitCode).toBe(0)
    expect(readdirSync(out)).toHaveLength(1)
  })
})

test.each([
  [['show', 'abc'], "found 'abc'"],
  [['retry', 'job:x'], "found 'job:x'"],
  [['pause', 'farm', 'x'], "found 'farm'"],
  [['site', 'split', 'region', '--by', 'foo'], "found 'foo'"],
])('%j is refused with a reason, before any database is started', async (args, reason) => {
  const { exitCode, stderr, stdout } = await tilth(args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
  expect(stderr).toContain(reason)
})

test('a Sen2Cor product that is not there is named', async () => {
  const { exitCode, stderr } = await tilth(['import-l2a', any, '--out', `${any}.out`])
  expect(exitCode).toBe(66)
  expect(stderr).toContain('nothing.SAFE')
})
