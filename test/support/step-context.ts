import type { StepContext } from '../../src/runner/step-context.js'

/** What a step function is given, as far as a test does not say it: one thread, no chain, a log that nobody reads. */
export const stepContext = (
  given: Pick<StepContext, 'processor' | 'params' | 'stagingDir' | 'resolvePath'> & Partial<StepContext>,
): StepContext => ({
  ...{
    stepId: 1,
    attempt: 1,
    scratchDir: given.stagingDir,
    toolsFile: '',
    blockShrink: 0,
    codec: 'deflate',
    memoryMb: null,
  },
  chain: () => Promise.resolve({ previous: null, following: [] }),
  threads: { value: 1, onChange: () => () => undefined },
  signal: new AbortController().signal,
  progress: () => undefined,
  log: { info: () => undefined, warn: () => undefined },
  ...given,
})
