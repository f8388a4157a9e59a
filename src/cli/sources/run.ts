import type { Command } from 'commander'
import { userInfo } from 'node:os'
import type { App } from '../../app.js'
import type { SourceLook } from '../../sources/look.js'
import { interruptible } from '../interruptible.js'
import { ProgressLine } from '../progress-line.js'

interface Options {
  readonly all?: boolean
  readonly retry?: boolean
  readonly fetch: boolean
  readonly quiet?: boolean
  readonly json?: boolean
}

export function register(sources: Command): void {
  sources
    .command('run [names...]')
    .description('ask sources now and fetch what is due, as the leading scheduler does by itself')
    .option(
      '--all',
      'also sources that are held back, and past seasons that were searched to their end before',
    )
    .option('--retry', 'also what was given up or waits after a failure')
    .option('--no-fetch', 'only ask, fetch nothing')
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print JSON lines: each look, each fetch, and the report')
    .addHelpText(
      'after',
      `
May be interrupted or killed at any time: the next run goes on where this one stopped. What has to wait (sizes of quotas, a service that
asked to come back later) is left for later: \`tilth why ACQUISITION\` says for what. Exit status 0; that of the error where a source
could not be asked or the machine cannot take more; 75 while another run is at work.`,
    )
    .action(async (names: string[], options: Options) => {
      const { openApp } = await import('../../app.js')
      // One connection for each lock, one for an archive, and some for questions.
      const app = await openApp({ poolSize: 8 })
      try {
        await interruptible((signal) => run(app, names, options, signal))
      } finally {
        await app.close()
      }
    })
}

async function run(app: App, names: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const { fetchPass, lookPass } = await import('../../scheduler/source-pass.js')
  const { readSource, reopenSources, sourceBacklog } = await import('../../sources/manage.js')
  const { ERROR_CODES, EXIT } = await import('../../domain/errors.js')
  const context = { db: app.db, config: app.config, env: process.env }
  const createdBy = `cli ${userInfo().username}`
  for (const name of names) await readSource(app.db, name)
  if (options.retry) await reopenSources(app.db, names)
  const busy = () => {
    process.stderr.write('another run, or a scheduler, is at it; `tilth sources list` shows the last looks\n')
    process.exitCode = EXIT.temporary
  }
  const looks = await lookPass(context, {
    ...{ signal, createdBy, everything: options.all === true },
    ...(names.length > 0 ? { only: names } : {}),
    onLook: (look) => {
      process.stdout.write(options.json ? `${JSON.stringify(look)}\n` : describeLook(look))
    },
  })
  if (looks === undefined) {
    busy()
    return
  }
  const failed = looks.find(({ error }) => error !== null)?.error
  if (failed != null) process.exitCode = ERROR_CODES[failed.code].exit
  if (!options.fetch) return
  const progress = new ProgressLine(options.quiet !== true)
  const { due } = await sourceBacklog(app.db)
  let [ended, bytes, lastMs] = [0, 0, 0]
  const show = () => {
    if (due === 0 || performance.now() - lastMs < 200) return
    lastMs = performance.now()
    progress.show(
      Math.min(1, ended / due),
      `${ended} of ${due} acquisitions, ${Math.round(bytes / 2 ** 20)} MiB`,
    )
  }
  const report = await fetchPass(context, {
    signal,
    createdBy,
    onBytes: (count) => {
      bytes += count
      show()
    },
    onEvent: (event) => {
      if (event.kind === 'fetched' || event.givenUp) ended++
      progress.end()
      if (options.json) process.stdout.write(`${JSON.stringify(event)}\n`)
      else if (event.kind === 'fetched')
        process.stdout.write(`present  ${event.product}  from ${event.source}\n`)
      else
        process.stderr.write(
          `${event.givenUp ? 'given up' : 'failed'}  ${event.product}  from ${event.source}: ${event.code}: ${event.message}\n`,
        )
    },
  }).finally(() => {
    progress.end()
  })
  if (report === undefined) {
    busy()
    return
  }
  const { stopped, ...counted } = report
  const left = await sourceBacklog(app.db)
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ ...counted, waiting: left.waiting, stopped: stopped?.code ?? null })}\n`,
    )
  else
    process.stdout.write(
      `${report.fetched} fetched (${(report.bytes / 2 ** 20).toFixed(1)} MiB), ${report.failed} tries failed, ${left.waiting} wait\n`,
    )
  signal.throwIfAborted()
  if (stopped !== null) throw stopped
}

function describeLook({ source, counts, error, identities }: SourceLook): string {
  if (error !== null) return `${source}: ${error.code}: ${error.message}\n`
  const { results, wanted, fresh, refused, outside, skipped } = counts
  const notes = counts.notes.map((note) => `  note: ${note}\n`).join('')
  const found =
    identities.length > 0
      ? `${identities.length} ingested`
      : `${wanted} wanted, ${refused} left out, ${outside} of no site`
  return `${source}: ${results} products, ${found}, ${fresh} new${skipped > 0 ? `, ${skipped} not readable` : ''}\n${notes}`
}
