import { userInfo } from 'node:os'

/** Who does it, for histories: `--by`, else TILTH_USER, else the user of the operating system. */
export function userName(by?: string): string {
  const told = by ?? process.env['TILTH_USER'] ?? ''
  if (told.trim() !== '') return told.trim()
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return `uid ${String(process.getuid?.() ?? '?')}`
  }
}
