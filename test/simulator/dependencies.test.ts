import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** All files that a file imports, directly or not, types included; paths below the root. */
function reachable(from: string, seen = new Set<string>()): Set<string> {
  const path = relative(root, from)
  if (seen.has(path)) return seen
  seen.add(path)
  const text = readFileSync(from, 'utf8')
  for (const match of text.matchAll(/(?:from\s+|import\(\s*|^import\s+)'(\.[^']+)'/gm)) {
    const target = resolve(dirname(from), (match[1] ?? '').replace(/\.js$/, '.ts'))
    expect(existsSync(target), `${path} imports ${match[1]}`).toBe(true)
    reachable(target, seen)
  }
  return seen
}

test('what simulates a scene reaches no module of the correction, its kernels or its pipeline', () => {
  const files = [...reachable(resolve(root, 'src/simulator/simulate-l1c.ts'))]
  expect(files.length).toBeGreaterThan(30)
  expect(files).toContain('src/simulator/unknowns/environment.ts')
  expect(files.filter((path) => !/^src\/(simulator|domain|raster)\//.test(path))).toEqual([])
})

test('the pipeline under test reaches nothing of the simulator', () => {
  const files = [...reachable(resolve(root, 'src/runner/l2a/correct-to-folder.ts'))]
  expect(files).toContain('src/processors/l2a/aot.ts')
  expect(files.filter((path) => path.startsWith('src/simulator/'))).toEqual([])
})
