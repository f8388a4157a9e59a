import { listen } from '../db/jobs/listen.js'
import { beginLoad, type Begun, type ElementRun } from '../db/slurm/begin-load.js'
import { describeClaims, type ClaimFacts } from '../db/slurm/describe-claims.js'
import { holdWaiting } from '../db/slurm/hold-waiting.js'
import { insertBatch, type NewLoad } from '../db/slurm/insert-batch.js'
import { listAttemptEnds } from '../db/slurm/list-attempt-ends.js'
import { listEmptyBatches, listOpenLoads, type LoadRow } from '../db/slurm/list-open-loads.js'
import { listShunnedNodes } from '../db/slurm/list-shunned-nodes.js'
import { closeBatches, noteBatchJob } from '../db/slurm/note-batch.js'
import { readCarried } from '../db/slurm/read-carried.js'
import { cancelRunningStep, releaseSteps } from '../db/steps/end-attempt.js'
import type { ClaimKey, Queryable } from '../db/steps/queryable.js'
import { setStepThreads } from '../db/steps/set-step-threads.js'
import { recordFailure, type RecordedFailure } from './step-store.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

export type { Begun, ClaimFacts, ElementRun, LoadRow, NewLoad }

/**
 * How long claims that wait in Slurm outlive the last look of a scheduler, seconds. A scheduler that is down for an hour loses none of
 * its places in Slurm's queue; after that its steps are given to whoever runs, and the jobs find nothing to do.
 */
export const WAIT_LEASE_S = 3600

export type SlurmStore = ReturnType<typeof createSlurmStore>

/** The rows that the Slurm executor and the elements of its arrays work on. */
export function createSlurmStore(db: Queryable, cluster: string) {
  return {
    settings: (): Promise<SettingsInForce> => readSettings(db),
    describe: (keys: readonly ClaimKey[]) => describeClaims(db, keys),
    openBatch: (batch: { submittedBy: string; request: unknown; loads: readonly NewLoad[] }) =>
      insertBatch(db, { ...batch, cluster, waitLeaseS: WAIT_LEASE_S }),
    noteJob: (batchId: string, jobId: number) => noteBatchJob(db, batchId, jobId),
    closeBatches: (ids: readonly string[]) => closeBatches(db, ids),
    loads: () => listOpenLoads(db, cluster),
    emptyBatches: () => listEmptyBatches(db, cluster),
    holdWaiting: (claims: readonly (ClaimKey & { note: string })[]) => holdWaiting(db, claims, WAIT_LEASE_S),
    ends: (keys: readonly ClaimKey[]) => listAttemptEnds(db, keys),
    shunned: (faultS: number) => listShunnedNodes(db, { executor: 'slurm', faultS }),
    release: (key: ClaimKey, reason: string) => releaseSteps(db, { kind: 'claim', ...key }, reason),
    cancel: (key: ClaimKey) => cancelRunningStep(db, key, {}),
    begin: (run: ElementRun) => beginLoad(db, run),
    fail: (key: ClaimKey, failure: RecordedFailure, resources: unknown) =>
      recordFailure(db, key, failure, resources),
    grant: (key: ClaimKey, threads: number) => setStepThreads(db, [{ ...key, threads }]),
    carried: (key: ClaimKey) => readCarried(db, key),
  }
}

/** Calls back when a step or a setting may have changed; returns how to end that. */
export function listenForChanges(databaseUrl: string, onChange: () => void): () => Promise<void> {
  const listener = listen(databaseUrl, ['tilth_step', 'tilth_setting', 'tilth_pause'], onChange)
  return () => listener.close()
}

export { findLoad } from '../db/slurm/find-load.js'
export { readConnectionLimit } from '../db/slurm/read-connection-limit.js'
export { wantsSlurm } from '../db/slurm/wants-slurm.js'
