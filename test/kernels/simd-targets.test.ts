import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { execa } from 'execa'
import ts from 'typescript'
import { expect, test } from 'vitest'

// TILTH_SIMD is read when the addon is loaded, so each target needs a process. It runs against the compiled sources.
const root = new URL('../../', import.meta.url)
const source = readFileSync(new URL('simd-digest.ts', import.meta.url), 'utf8')
const { outputText } = ts.transpileModule(source, {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
})
const script = join(mkdtempSync(join(tmpdir(), 'tilth-simd-')), 'simd-digest.mjs')
writeFileSync(
  script,
  outputText.replaceAll("'../../src/", `'${pathToFileURL(join(fileURLToPath(root), 'dist/src')).href}/`),
)
const cpu = readFileSync('/proc/cpuinfo', 'utf8')
const targets = [
  'baseline',
  ...(/\bavx2\b/.test(cpu) ? ['avx2'] : []),
  ...(/\bavx512bw\b/.test(cpu) ? ['avx512'] : []),
]

const run = (simd: string) => execa(process.execPath, [script], { env: { TILTH_SIMD: simd }, reject: false })

test('every SIMD target gives the bytes of the plain reference, at lengths 0 to 67, and thus the same ones', async () => {
  const results = []
  for (const target of targets) {
    const { stdout, stderr, exitCode } = await run(target)
    expect(exitCode, stderr).toBe(0)
    results.push(JSON.parse(stdout) as { target: string; digest: string; compared: number })
  }
  expect(results.map((r) => r.target)).toEqual(targets)
  expect(new Set(results.map((r) => r.digest)).size).toBe(1)
  expect(results[0]!.compared).toBeGreaterThan(50_000)
})

test('a target that does not exist is refused by name instead of being replaced in silence', async () => {
  const { stderr, exitCode } = await run('mmx')
  expect(exitCode).not.toBe(0)
  expect(stderr).toMatch(/TILTH_SIMD/)
})
