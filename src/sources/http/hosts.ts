import { ProcessingError } from '../../domain/errors.js'

/** Which hosts a source may be led to, and which of them get its credentials. */
export interface HostRules {
  /** Addresses from its configuration: their hosts are trusted. */
  readonly own: readonly string[]
  readonly hosts: readonly string[]
  readonly trusted: readonly string[]
}

/** `*.example.org` stands for all hosts below example.org; a port, where one is given, must be the same. Pure. */
function matches(rule: string, url: URL): boolean {
  const withPort = /:\d+$/.test(rule)
  const host = withPort ? url.host : url.hostname
  return rule.startsWith('*.') ? host.endsWith(rule.slice(1)) : host === rule
}

/**
 * Checks an address that came from a service, in an answer or as a redirect `from` another. Returns whether credentials may go there: only
 * to the configured addresses' own origin, or to trusted hosts over https. Throws SOURCE_HOST_REFUSED. Pure.
 */
export function checkAddress(
  source: string,
  url: URL,
  { own, hosts, trusted }: HostRules,
  from: URL | null = null,
): { isTrusted: boolean } {
  const refuse = (why: string, remedy: string) =>
    new ProcessingError(
      'SOURCE_HOST_REFUSED',
      `Source '${source}' leads to ${url.origin}${url.pathname}: ${why}. ${remedy}`,
    )
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refuse('only http and https are followed', 'Report it to the service.')
  if (url.username !== '' || url.password !== '')
    throw refuse('an address with user and password is never followed', 'Report it to the service.')
  if (from?.protocol === 'https:' && url.protocol === 'http:')
    throw refuse('https is never left for http', 'Report it to the service.')
  const isOwn = own.some((address) => new URL(address).origin === url.origin)
  if (isOwn) return { isTrusted: true }
  const isTrusted = trusted.some((rule) => matches(rule, url))
  if (isTrusted) return { isTrusted: url.protocol === 'https:' || isLoopback(url) }
  // Another port or scheme of a configured host is the same machine, but credentials are not sent there.
  const isKnown =
    hosts.some((rule) => matches(rule, url)) ||
    own.some((address) => new URL(address).hostname === url.hostname)
  if (!isKnown)
    throw refuse(
      `the source names no host ${url.host}`,
      `If it can be trusted, run \`tilth sources edit ${source} --set 'hosts=[..., "${url.hostname}"]'\`.`,
    )
  return { isTrusted: false }
}

const isLoopback = (url: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
