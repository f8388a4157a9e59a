import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { machineLimits } from '../../src/config/cgroup-limits.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tilth cgroup-'))
})
afterEach(() => {
  rmSync(root, { recursive: true })
})
const write = (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
}
const machine = { cpus: 16, memoryMb: 64_000 }
const V2 = '0::/a/b\n'
const V1 = '4:memory:/a/b\n3:cpu,cpuacct:/a/b\n1:name=systemd:/init.scope\n'

test.each([
  ['no limit anywhere', V2, { 'a/b/cpu.max': 'max 100000', 'a/b/memory.max': 'max' }, machine],
  ['no files at all', V2, {}, machine],
  ['not in a cgroup', '', { 'cpu.max': '200000 100000' }, machine],
  // 250 ms in each 100 ms are 2.5 CPUs: two whole ones. 1 GiB = 1024 MiB.
  ['v2', V2, { 'a/b/cpu.max': '250000 100000', 'a/b/memory.max': '1073741824' }, { cpus: 2, memoryMb: 1024 }],
  [
    'v2, an ancestor is tighter',
    V2,
    { 'a/b/cpu.max': '800000 100000', 'a/cpu.max': '300000 100000', 'a/memory.max': '2147483648' },
    { cpus: 3, memoryMb: 2048 },
  ],
  [
    'v2, in a container that sees its own group as the root',
    V2,
    { 'cpu.max': '400000 100000' },
    { cpus: 4, memoryMb: 64_000 },
  ],
  ['v2, half a CPU is still one slot', V2, { 'a/b/cpu.max': '50000 100000' }, { cpus: 1, memoryMb: 64_000 }],
  [
    'v2, more than the machine has',
    V2,
    { 'a/b/cpu.max': '9900000 100000', 'a/b/memory.max': '999999999999999' },
    machine,
  ],
  [
    'v1',
    V1,
    {
      'cpu/a/b/cpu.cfs_quota_us': '600000',
      'cpu/a/b/cpu.cfs_period_us': '100000',
      'memory/a/b/memory.limit_in_bytes': '3221225472',
    },
    { cpus: 6, memoryMb: 3072 },
  ],
  // cgroup v1 writes "no limit" as -1 and as the largest multiple of the page size.
  [
    'v1, no limit',
    V1,
    {
      'cpu/a/b/cpu.cfs_quota_us': '-1',
      'cpu/a/b/cpu.cfs_period_us': '100000',
      'memory/a/b/memory.limit_in_bytes': '9223372036854771712',
    },
    machine,
  ],
  ['files of nonsense', V2, { 'a/b/cpu.max': 'what', 'a/b/memory.max': '' }, machine],
])('%s', (_, membership, files, expected) => {
  write(files)
  expect(machineLimits(root, membership, machine)).toEqual(expected)
})

test('of this machine they are whole and at least one', () => {
  const { cpus, memoryMb } = machineLimits()
  expect(Number.isInteger(cpus) && Number.isInteger(memoryMb)).toBe(true)
  expect(Math.min(cpus, memoryMb)).toBeGreaterThanOrEqual(1)
})
