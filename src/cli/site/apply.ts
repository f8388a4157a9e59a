import { InvalidArgumentError, type Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { SiteFilePlan } from '../../catalog/site-file/apply-site-file.js'
import { ProcessingError } from '../../domain/errors.js'
import { printJson, withApp } from '../queue-options.js'
import { userName } from '../user-name.js'
import { confirm } from './confirm.js'

interface Options {
  readonly dryRun: boolean
  readonly yes: boolean
  readonly json?: boolean
}

export function registerApply(site: Command): void {
  site
    .command('apply')
    .description(
      'make sites what a TOML file says (config/example-site.toml): prints the difference, then applies it as a whole; a part that the file leaves out stays as it is',
    )
    .argument('<file>', 'TOML; paths of geometries in it are relative to it')
    .option('--dry-run', 'only print the difference', false)
    .option('--yes', 'do not ask before seasons, settings or sub-sites are removed', false)
    .option('--json', 'print JSON')
    .action(async (file: string, options: Options) => {
      const text = await readFile(file, 'utf8').catch((cause: unknown) => {
        throw new ProcessingError('NOT_FOUND', `'${file}' cannot be read: ${String(cause)}`, { cause })
      })
      await applyText(text, { ...options, folder: dirname(resolve(file)), name: basename(file) })
    })
  site
    .command('export')
    .description('print a site with its sub-sites as a TOML file for `tilth site apply`')
    .argument('<site>', 'slug')
    .action(async (slug: string) => {
      const { exportSite } = await import('../../catalog/site-file/apply-site-file.js')
      process.stdout.write(await withApp(({ db }) => exportSite(db, slug)))
    })
}

/** Compares, prints, asks and applies. */
export async function applyText(
  text: string,
  options: Options & { readonly folder: string; readonly name: string },
): Promise<void> {
  const { planSiteFile, applySiteFile } = await import('../../catalog/site-file/apply-site-file.js')
  await withApp(async ({ db }) => {
    const plan = await planSiteFile(db, text, options)
    const changes = plan.changes.filter(({ lines }) => lines.length > 0)
    if (!options.json) process.stdout.write(describe(plan))
    const removals = changes.flatMap(({ lines }) => lines.filter(({ sign }) => sign === '-'))
    const isApplied = !options.dryRun && changes.length > 0
    if (isApplied) {
      if (removals.length > 0 && !options.yes) await confirm(`Remove ${removals.length} things`)
      await applySiteFile(db, plan, userName())
    }
    if (options.json)
      printJson({ applied: isApplied, changes: changes.map(({ slug, lines }) => ({ site: slug, lines })) })
    else if (options.dryRun && changes.length > 0) process.stdout.write('nothing was changed (--dry-run)\n')
  })
}

function describe({ changes, documents }: SiteFilePlan): string {
  if (documents.length === 0) throw new InvalidArgumentError('the file has no [[site]]')
  const changed = changes.filter(({ lines }) => lines.length > 0)
  if (changed.length === 0) return 'nothing to change\n'
  return changed
    .map(
      ({ slug, lines }) => `site ${slug}\n${lines.map(({ sign, text }) => `  ${sign} ${text}\n`).join('')}`,
    )
    .join('')
}
