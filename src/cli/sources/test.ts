import type { Command } from 'commander'
import type { SourceTest } from '../../sources/test-source.js'
import { interruptible } from '../interruptible.js'
import { printJson, withApp } from '../queue-options.js'

export function register(sources: Command): void {
  sources
    .command('test [names...]')
    .description(
      'ask sources what they have, without recording anything; exit status that of the error if one fails',
    )
    .option('--json', 'print JSON')
    .action(async (names: string[], { json }: { json?: boolean }) => {
      const { testSource } = await import('../../sources/test-source.js')
      const { listSources } = await import('../../sources/manage.js')
      const { ERROR_CODES } = await import('../../domain/errors.js')
      const tests = await interruptible((signal) =>
        withApp(async ({ db, config }) => {
          const wanted = names.length > 0 ? names : (await listSources(db)).map(({ name }) => name)
          const done: SourceTest[] = []
          for (const name of wanted) {
            const test = await testSource({ db, config, env: process.env }, name, signal)
            if (!json) process.stdout.write(describe(test))
            done.push(test)
          }
          return done
        }),
      )
      if (json) printJson(tests)
      const failed = tests.find(({ error }) => error !== null)?.error
      if (failed != null) process.exitCode = ERROR_CODES[failed.code].exit
    })
}

function describe({ source, kind, place, credentials, searches, counts, error }: SourceTest): string {
  const lines = [`${source} (${kind}, ${place})`]
  for (const { role, where, problem } of credentials)
    lines.push(`  credential ${role} from ${where}: ${problem === null ? 'found' : `not found: ${problem}`}`)
  for (const search of searches) lines.push(`  asked for ${search}`)
  if (kind !== 'folder' && searches.length === 0)
    lines.push('  asked for nothing: no site that it serves has a season that has begun and an enabled tile')
  if (error !== null) lines.push(`  failed: ${error.code}: ${error.message}`)
  if (counts !== null) {
    lines.push(
      kind === 'folder'
        ? `  ${counts.results} products, ${counts.wanted} of them to be ingested`
        : `  ${counts.results} products: ${counts.wanted} wanted, ${counts.refused} left out by filters, ${counts.outside} of no site`,
    )
    lines.push(...counts.notes.map((note) => `  note: ${note}`))
  }
  return `${lines.join('\n')}\n`
}
