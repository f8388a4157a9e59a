import type { ErrorCode } from './errors.js'

/** Ends of an L2A step that say that the image was looked at and holds nothing to correct: neither a failure nor a gap, and no retry changes it. */
export const NOTHING_TO_CORRECT = [
  'NO_VALID_PIXEL',
  'SUN_TOO_LOW',
  'TOO_CLOUDY',
] as const satisfies readonly ErrorCode[]
