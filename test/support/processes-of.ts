import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Command lines of all processes that work in a folder, by their arguments or environment. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
          .replaceAll('\0', ' ')
          .trim()
        const environment = readFileSync(join('/proc', pid, 'environ'), 'utf8')
        return line.includes(folder) || environment.includes(folder) ? [`${pid} ${line}`] : []
      } catch {
        return [] // Ended meanwhile, or another user's.
      }
    })
}
