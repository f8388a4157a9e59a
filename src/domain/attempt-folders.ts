import { join } from 'node:path'

/** Where one attempt of a step writes before it publishes, absolute: both are removed with it. */
export function attemptFolders(
  roots: { readonly archive: string; readonly scratch: string },
  { id, attempt }: { readonly id: number; readonly attempt: number },
): { readonly staging: string; readonly scratch: string } {
  return {
    staging: join(roots.archive, '.staging', `${id}-${attempt}`),
    scratch: join(roots.scratch, `step-${id}-${attempt}`),
  }
}
