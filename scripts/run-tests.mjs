// Runs every check of the project and ends with one line: `N passed, N failed, N skipped`.
// A skipped test is listed with its name; where the real test data is there, a skip fails the run:
// otherwise a test that never runs would look like one that passes.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const files = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }
const failures = []
const skips = []

/** Commands of one thread each, two at a time; each passes or fails as a whole. */
async function checkAtOnce(commands) {
  const waiting = [...commands]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, command, args] = next
      const started = Date.now()
      const status = await new Promise((done) => {
        const child = spawn(command, args, { stdio: 'inherit' })
        child.on('error', () => done(null))
        child.on('close', done)
      })
      const ok = status === 0
      totals[ok ? 'passed' : 'failed'] += 1
      if (!ok) failures.push(name)
      console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    }
  }
  await Promise.all([work(), work()])
}

const sources = (dir, pattern) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

const bin = (name) => join('node_modules', ...name.split('/'))

if (files.length === 0) {
  const sanitized = join('build', 'native-sanitize')
  await checkAtOnce([
    // Types of the whole program live to the end: a young generation of 96 MB is collected less often, a fifth less CPU time.
    ['eslint', process.execPath, ['--max-semi-space-size=96', bin('eslint/bin/eslint.js'), 'src', 'test', 'bench', '--max-warnings', '0']],
    ['types', process.execPath, ['--max-semi-space-size=96', bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json', '--incremental', 'false']],
    ['prettier', process.execPath, [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', 'src', 'test', 'bench']],
    ['clang-format', 'clang-format', ['--dry-run', '--Werror', ...sources('native', /\.(cpp|hpp|h)$/)]],
    ['native tests', 'ctest', ['--test-dir', 'build/native', '--output-on-failure', '--no-tests=error']],
    ['native sanitizer build', 'sh', ['-c', 'cmake -S native -B "$1" -DSANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null && cmake --build "$1" --target native_tests >/dev/null', 'sh', sanitized]],
  ])
  if (!failures.includes('native sanitizer build'))
    await checkAtOnce([['native tests under sanitizers', 'ctest', ['--test-dir', sanitized, '--output-on-failure', '--no-tests=error']]])
}

mkdirSync('build/test', { recursive: true })
const report = join('build', 'test', 'vitest.json')
rmSync(report, { force: true })
spawnSync(process.execPath, [bin('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...files], {
  stdio: 'inherit',
})
if (existsSync(report)) {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  for (const file of testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0) {
      totals.failed += 1
      failures.push(`${file.name}: could not be loaded`)
    }
    for (const test of file.assertionResults) {
      if (test.status === 'passed') totals.passed += 1
      else if (test.status === 'failed') {
        totals.failed += 1
        failures.push(test.fullName)
      } else {
        totals.skipped += 1
        skips.push(test.fullName)
      }
    }
    // A hook that fails leaves a failed file with passing tests.
    if (file.status === 'failed' && file.assertionResults.length > 0 && !file.assertionResults.some((t) => t.status === 'failed')) {
      totals.failed += 1
      failures.push(`${file.name}: ${file.message}`)
    }
  }
} else {
  totals.failed += 1
  failures.push('vitest wrote no report')
}

for (const name of skips) console.log(`skipped: ${name}`)
for (const name of failures) console.log(`failed: ${name}`)
const dataIsThere = existsSync(join('..', 'shared', 'data'))
if (skips.length > 0) console.log(dataIsThere ? 'Skips fail this run: ../shared/data is there.' : 'Skipped for want of ../shared/data or of rights.')
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exitCode = totals.failed > 0 || (skips.length > 0 && dataIsThere) ? 1 : 0
