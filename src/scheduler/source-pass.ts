import { fetchDue, type FetchOptions, type FetchReport } from '../sources/fetch.js'
import { lookAtSources, type LookAtOptions, type SourceLook } from '../sources/look.js'
import type { SourcesContext } from '../sources/open-source.js'
import { createImportJob } from './create-import-job.js'

/** Asks sources, and makes a job for what came as L2A of other processors; a command line and the duty of the leader do the same. */
export async function lookPass(
  context: SourcesContext,
  { createdBy, ...options }: LookAtOptions & { readonly createdBy: string },
): Promise<readonly SourceLook[] | undefined> {
  const looks = await lookAtSources(context, options)
  const identities = looks?.flatMap((look) => look.identities) ?? []
  if (identities.length > 0) await createImportJob(context.db, { identities, createdBy })
  return looks
}

/** Fetches what is due, and makes a job for what came as L2A of other processors. */
export async function fetchPass(
  context: SourcesContext,
  { createdBy, onEvent, ...options }: FetchOptions & { readonly createdBy: string },
): Promise<FetchReport | undefined> {
  const identities: string[] = []
  try {
    return await fetchDue(context, {
      ...options,
      onEvent: (event) => {
        if (event.kind === 'fetched') identities.push(...event.identities)
        onEvent?.(event)
      },
    })
  } finally {
    if (identities.length > 0) await createImportJob(context.db, { identities, createdBy })
  }
}
