import { EXIT, type ErrorCodeEntry } from './exit-codes.js'

/** Codes of what programs of others do when they correct in our place. Part of `ERROR_CODES`. */
export const EXTERNAL_ERROR_CODES = {
  EXTERNAL_UNAVAILABLE: {
    failure: 'permanent',
    exit: EXIT.config,
    summary:
      'A program of others (Sen2Cor, MAJA) shall correct, but this machine does not name it in external.json, or what is named there cannot be run.',
    remedy: 'The message says what is missing; see docs/external.md, or choose the engine own.',
  },
  EXTERNAL_REFUSED: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A program of others says that the product cannot be made, such as MAJA for too many clouds.',
    remedy: 'Nothing: its chain goes on without this date.',
  },
  EXTERNAL_FAILED: {
    failure: 'transient',
    exit: EXIT.software,
    summary: 'A program of others ended with an error, or without a whole product of what it was given.',
    remedy: 'It is tried again; the message has its last lines.',
  },
  EXTERNAL_LIMIT: {
    failure: 'resource',
    exit: EXIT.software,
    summary:
      'A program of others took more time, memory, disk or log than external.json allows, and was ended.',
    remedy: 'It is tried again; the message names the limit. Raise it there if such inputs need it.',
  },
} as const satisfies Record<string, ErrorCodeEntry>
