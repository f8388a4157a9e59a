import type { Command } from 'commander'
import { positiveInteger } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('storage')
    .description('what the storage roots of this host hold: products, free space, quota, largest tiles')
    .option('--tiles <n>', 'so many of the largest tiles', positiveInteger, 10)
    .option('--json', 'print JSON, in bytes')
    .addHelpText(
      'after',
      `
All sizes in MiB. PRODUCTS counts products in force, not older revisions or what else lies there. QUOTA is storage.quota_mb; sites have
their own with \`tilth config set storage.quota_mb N --site SLUG\`.`,
    )
    .action(async (options: { tiles: number; json?: boolean }) =>
      withApp(async ({ db, config }) => {
        const { reportStorage } = await import('../catalog/storage-report.js')
        const report = await reportStorage(db, config, { tiles: options.tiles })
        if (options.json) {
          printJson(report)
          return
        }
        const roots = report.roots.map((r) => [
          r.name,
          mebibytes(r.productBytes),
          mebibytes(r.quotaBytes),
          mebibytes(r.freeBytes),
          mebibytes(r.totalBytes),
          r.path,
        ])
        const levels = report.levels.map((l) => [l.root, l.level, String(l.products), mebibytes(l.bytes)])
        const tiles = report.tiles.map((t) => [
          t.tile,
          t.level,
          t.root,
          String(t.products),
          mebibytes(t.bytes),
        ])
        process.stdout.write(
          [
            formatTable(['ROOT', 'PRODUCTS', 'QUOTA', 'FREE', 'DISK', 'FOLDER'], roots),
            formatTable(['ROOT', 'LEVEL', 'COUNT', 'MIB'], levels),
            formatTable(['TILE', 'LEVEL', 'ROOT', 'COUNT', 'MIB'], tiles),
          ].join('\n'),
        )
      }),
    )
}

const mebibytes = (bytes: number | null): string => (bytes === null ? '-' : (bytes / 2 ** 20).toFixed(0))
