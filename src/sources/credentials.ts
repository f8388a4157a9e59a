import { readFile, stat } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'

/** Values of credentials by role; only in memory, never logged or stored. */
export type Credentials = Readonly<Record<string, string>>

/**
 * Reads the values of a source's credentials from where they are said to be. A file belongs to its reader alone (mode 0600 or less); one
 * line end at its end is no part of the value. Throws SOURCE_CREDENTIALS naming the variable or file, never a value.
 */
export async function readCredentials(
  source: string,
  references: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credentials> {
  const entries: [string, string][] = []
  for (const [role, where] of Object.entries(references))
    entries.push([role, await valueOf(`Credential '${role}' of source '${source}'`, where, env)])
  return Object.fromEntries(entries)
}

async function valueOf(
  what: string,
  where: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (where.startsWith('env:')) {
    const name = where.slice(4)
    const value = env[name]
    if (value === undefined || value === '')
      throw missing(`${what}: the environment variable ${name} is not set for this process.`)
    return value
  }
  const path = where.slice('file:'.length)
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw missing(
        `${what}: ${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}, expected 0600. Others could read it: run \`chmod 600 ${path}\`.`,
      )
    const value = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    if (value === '' || /[\r\n]/.test(value))
      throw missing(`${what}: ${path} must hold one line, found ${value === '' ? 'nothing' : 'several'}.`)
    return value
  } catch (cause) {
    if (cause instanceof ProcessingError) throw cause
    throw missing(`${what}: ${path} cannot be read by this user or is not there.`, cause)
  }
}

const missing = (message: string, cause?: unknown): ProcessingError =>
  new ProcessingError('SOURCE_CREDENTIALS', message, { cause })
