import { asProcessingError, ProcessingError } from '../domain/errors.js'

/** What a failed allocation says: V8, Node's worker threads, libstdc++ through the addon, the system. */
const OUT_OF_MEMORY_TEXT =
  /array buffer allocation failed|invalid typed array length|std::bad_alloc|ENOMEM|cannot allocate memory|heap out of memory/i

/** The failure of an attempt as it is recorded: memory is told apart, everything unforeseen is INTERNAL. */
export function classifyFailure(error: unknown): ProcessingError {
  if (error instanceof ProcessingError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOMEM' || code === 'ERR_WORKER_OUT_OF_MEMORY' || OUT_OF_MEMORY_TEXT.test(message))
    return new ProcessingError('OUT_OF_MEMORY', `The step ran out of memory: ${message}`, { cause: error })
  return asProcessingError(error)
}

export const looksLikeOutOfMemory = (text: string): boolean => OUT_OF_MEMORY_TEXT.test(text)
