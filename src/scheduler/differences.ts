import { isDeepStrictEqual } from 'node:util'

/** `aot 0.1 instead of 0.2, ...`: what was frozen then, and what is wanted now; empty where all is the same. */
export function differences(then: unknown, now: Readonly<Record<string, unknown>>): string {
  const before: Readonly<Record<string, unknown>> = { ...(then ?? {}) }
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(before[key], now[key]))
    .map((key) => `${key} ${shown(before[key])} instead of ${shown(now[key])}`)
    .join(', ')
}

const shown = (value: unknown): string => (value === undefined ? 'unset' : JSON.stringify(value))
