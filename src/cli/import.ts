import type { Command } from 'commander'
import { basename } from 'node:path'

export function register(program: Command): void {
  const imports = program.command('import').description('takes over what another system was set up with')
  imports
    .command('sen2agri')
    .description(
      'sites, seasons, tile filters and configuration of Sen2Agri, as a site file and commands; changes nothing itself',
    )
    .argument(
      '<path...>',
      'plain dump (pg_dump --format=plain --data-only), or site.csv, season.csv, site_tiles.csv, config.csv with a header',
    )
    .option('--out <file>', 'site file to write', 'sen2agri-sites.toml')
    .option('--force', 'replace that file', false)
    .addHelpText(
      'after',
      `
On stdout: the commands that set what Sen2Agri's table config said. On stderr: what to know and decide. Then:
  tilth site apply sen2agri-sites.toml --dry-run
Each CSV is a whole table: psql -c "\\copy (select * from site) to site.csv csv header".`,
    )
    .action(async (paths: string[], { out, force }: { out: string; force: boolean }) => {
      const fs = await import('node:fs/promises')
      const { readTables } = await import('../products/sen2agri/read-tables.js')
      const { convertSen2agri } = await import('../catalog/sen2agri/convert-sen2agri.js')
      const { ProcessingError } = await import('../domain/errors.js')
      const texts = await Promise.all(
        paths.map(async (path) => {
          const text = await fs.readFile(path, 'utf8').catch((cause: unknown) => {
            throw new ProcessingError('NOT_FOUND', `${path} cannot be read: ${String(cause)}`, { cause })
          })
          return { name: basename(path), text }
        }),
      )
      const tables = new Map(texts.flatMap(({ name, text }) => [...readTables(text, name)]))
      const { siteFile, commands, notes } = convertSen2agri(tables)
      await fs.writeFile(out, siteFile, { flag: force ? 'w' : 'wx' }).catch((cause: unknown) => {
        throw new ProcessingError(
          'CONFLICT',
          `${out} is there already, or cannot be written: ${String(cause)}. --force replaces it.`,
          { cause },
        )
      })
      for (const note of notes) process.stderr.write(`${note}\n`)
      process.stderr.write(
        `sites written to ${out}; look at them with \`tilth site apply ${out} --dry-run\`\n`,
      )
      for (const command of commands) process.stdout.write(`${command}\n`)
    })
}
