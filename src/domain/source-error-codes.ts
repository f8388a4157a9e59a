import { EXIT, type ErrorCodeEntry } from './exit-codes.js'

/** Codes of finding and fetching acquisitions; a part of `ERROR_CODES`. */
export const SOURCE_ERROR_CODES = {
  SOURCE_INVALID: {
    failure: 'permanent',
    exit: EXIT.config,
    summary: 'The configuration of a source has mistakes.',
    remedy: 'The message lists them; see docs/sources.md for the keys of each kind.',
  },
  SOURCE_CREDENTIALS: {
    failure: 'permanent',
    exit: EXIT.config,
    summary:
      'A credential of a source is not there: an environment variable that is not set, or a file that is missing or open to others.',
    remedy:
      'Set the variable for the process that fetches (the scheduler), or give the file to its user with mode 0600.',
  },
  SOURCE_UNREACHABLE: {
    failure: 'transient',
    exit: EXIT.unavailable,
    summary: 'A service did not answer, cut the connection, or answered with a fault of its own.',
    remedy: 'It is tried again by itself with growing pauses; `tilth sources test` says more.',
  },
  SOURCE_BUSY: {
    failure: 'transient',
    exit: EXIT.temporary,
    summary: 'A service asked to come back later (status 429 or 503).',
    remedy: 'It is asked again when it said; lower `rate_per_s` or `parallel` of the source if it repeats.',
  },
  SOURCE_REFUSED: {
    failure: 'transient',
    exit: EXIT.config,
    summary: 'A service refused the credentials or the request, also with a renewed token.',
    remedy: 'Check account, password and terms of use at the service; the source is held back meanwhile.',
  },
  SOURCE_ANSWER_INVALID: {
    failure: 'transient',
    exit: EXIT.data,
    summary: 'An answer of a service is no JSON of the kind expected, too large, or its pages never end.',
    remedy: 'Check the address and kind of the source; the message says what was found.',
  },
  SOURCE_HOST_REFUSED: {
    failure: 'permanent',
    exit: EXIT.config,
    summary: 'An answer or a redirect leads to a host that the source does not name, or away from https.',
    remedy: 'If the host can be trusted, add it to `hosts` of the source: `tilth sources edit`.',
  },
  ASSET_MISSING: {
    failure: 'permanent',
    exit: EXIT.noInput,
    summary: 'A source offers an acquisition whose files it does not have, or none that can be fetched.',
    remedy: 'The next source is tried; `tilth sources run --retry` asks this one again.',
  },
  ASSET_OFFLINE: {
    failure: 'transient',
    exit: EXIT.temporary,
    summary: 'A product lies in the long-term archive of the service and cannot be downloaded now.',
    remedy: 'Order it there, or wait; it is asked for again.',
  },
  ASSET_UNSAFE: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The name of a file of an acquisition would lie outside its folder, or two files have one name.',
    remedy: 'Nothing was written; the next source is tried. Report it to the service.',
  },
  DOWNLOAD_TRUNCATED: {
    failure: 'transient',
    exit: EXIT.io,
    summary: 'A download ended before all bytes were there.',
    remedy: 'It goes on where it stopped at the next try.',
  },
  DOWNLOAD_LIMIT: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'An acquisition is larger than sources.max_product_mb.',
    remedy: 'Raise the setting if the source can be trusted, then `tilth sources run --retry`.',
  },
  CHECKSUM_MISMATCH: {
    failure: 'transient',
    exit: EXIT.data,
    summary: 'A downloaded file has not the size or checksum that the source states.',
    remedy:
      'It was removed and is fetched anew; if it repeats the source is at fault and the next one is tried.',
  },
  FETCH_MISMATCH: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'What a source delivered is another product than it offered.',
    remedy: 'Nothing of it was kept; the next source is tried.',
  },
  QUOTA_EXCEEDED: {
    failure: 'resource',
    exit: EXIT.io,
    summary: 'A fetch would take more than sources.quota_mb or storage.quota_mb allow.',
    remedy: 'It waits: raise the quota, or let retention rules remove what is not needed.',
  },
  FILTERED: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A filter of a source leaves an acquisition out that is whole.',
    remedy: 'Nothing, or change the filter with `tilth sources edit`.',
  },
} as const satisfies Record<string, ErrorCodeEntry>
