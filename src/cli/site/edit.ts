import type { Command } from 'commander'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { withApp } from '../queue-options.js'
import { applyText } from './apply.js'

export function registerEdit(site: Command): void {
  site
    .command('edit')
    .description('open a site as TOML in $VISUAL or $EDITOR (default: vi), then apply what was changed')
    .argument('<site>', 'slug')
    .option('--yes', 'do not ask before seasons, settings or sub-sites are removed', false)
    .action(async (slug: string, { yes }: { yes: boolean }) => {
      const { exportSite } = await import('../../catalog/site-file/apply-site-file.js')
      const before = await withApp(({ db }) => exportSite(db, slug))
      const folder = await mkdtemp(join(tmpdir(), 'tilth-edit-'))
      const file = join(folder, `${slug}.toml`)
      await writeFile(file, before)
      await runEditor(file)
      const after = await readFile(file, 'utf8')
      try {
        if (after === before) process.stdout.write('nothing to change\n')
        else await applyText(after, { yes, dryRun: false, folder: process.cwd(), name: file })
      } catch (error) {
        process.stderr.write(`what you wrote is kept in ${file}\n`)
        throw error
      }
      await rm(folder, { recursive: true, force: true })
    })
  site
    .command('set')
    .description(
      'change name or area of a site; `tilth pause site` and `tilth resume site` stop and start it',
    )
    .argument('<site>', 'slug')
    .option('--name <name>', 'new name')
    .option('--geometry <file>', 'new area: any file that `tilth site add` takes; tiles follow, filters stay')
    .option('--dry-run', 'only print the difference', false)
    .action(async (slug: string, options: { name?: string; geometry?: string; dryRun: boolean }) => {
      const { name, geometry, dryRun } = options
      if (name === undefined && geometry === undefined)
        throw new ProcessingError('BAD_ARGUMENT', 'Give at least one of --name and --geometry.')
      const { stringify } = await import('smol-toml')
      const { getSite } = await import('../../catalog/sites.js')
      // A file would make a site that is not there yet; this command is for one that is.
      await withApp(({ db }) => getSite(db, slug))
      const text = stringify({
        site: [
          { slug, ...(name === undefined ? {} : { name }), ...(geometry === undefined ? {} : { geometry }) },
        ],
      })
      await applyText(text, { yes: false, dryRun, folder: process.cwd(), name: 'the change' })
    })
}

async function runEditor(file: string): Promise<void> {
  const { execa } = await import('execa')
  const editor = process.env['VISUAL'] ?? process.env['EDITOR'] ?? 'vi'
  // Editors are named with their options: `code --wait`.
  const [command = 'vi', ...args] = editor.split(/\s+/).filter((part) => part !== '')
  const { exitCode, failed } = await execa(command, [...args, file], { stdio: 'inherit', reject: false })
  if (failed)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The editor '${editor}' ended with ${String(exitCode ?? 'no exit status')}. Nothing was changed; what you wrote is in ${file}.`,
    )
}
