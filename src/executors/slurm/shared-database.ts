import { ProcessingError } from '../../domain/errors.js'

/** Hosts by which a machine means itself. */
const OWN = /^(localhost|127\..*|\[?::1\]?)$/i

/** How other machines could reach a database by its URL: over TCP, over TCP on this machine only, or not at all (a Unix socket). Pure. */
export function reachOf(databaseUrl: string): 'tcp' | 'own-tcp' | 'socket' {
  const match = /^postgres(?:ql)?:\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/?]*)/.exec(databaseUrl)
  const query = new URLSearchParams(
    databaseUrl.includes('?') ? databaseUrl.slice(databaseUrl.indexOf('?') + 1) : '',
  )
  const host = query.get('host') ?? decodeURIComponent(match?.[1] ?? '')
  if (host === '' || host.startsWith('/') || host.startsWith('@')) return 'socket'
  return OWN.test(host) ? 'own-tcp' : 'tcp'
}

/** Throws DATABASE_NOT_SHARED for a database behind a Unix socket, such as the embedded one. */
export function requireSharedDatabase(databaseUrl: string): void {
  if (reachOf(databaseUrl) !== 'socket') return
  throw new ProcessingError(
    'DATABASE_NOT_SHARED',
    'Steps shall run as Slurm jobs, but the database listens on a Unix socket of this machine only, expected a DATABASE_URL with a host that every node reaches by TCP. ' +
      'Set DATABASE_URL=postgres://USER@HOST:5432/NAME for `tilth up` (docs/slurm.md, "Database"), or keep steps here with `tilth config set executor.kind local`.',
  )
}
