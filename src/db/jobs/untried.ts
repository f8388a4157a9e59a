import { sql, type RawBuilder } from 'kysely'

/**
 * True of an acquisition `a` whose L2A nobody has made or tried to make, or whose L2A has become stale since it was last tried. What has failed, was
 * cancelled or was removed by retention has been tried: only a word of its user (`tilth retry`, `tilth process`) tries it again. What gave way to a
 * newer version that does not count any more has not.
 */
export const untriedL2a: RawBuilder<boolean> = sql`
  (not l2a_was_tried(a.id)
     and not exists (select from product p where p.acquisition_id = a.id and p.processor = 'l2a')
   or exists (
     select from acquisition v join product p on p.acquisition_id = v.id
     where (v.id = a.id or v.superseded_by = a.id) and p.processor = 'l2a' and p.stale_since is not null and p.removed_at is null
       and not exists (
         select from task t join job j on j.id = t.job_id join step s on s.job_id = t.job_id and s.task_id = t.id
         where t.acquisition_id = a.id and t.processor = 'l2a' and j.created_at >= p.stale_since and s.error_code is distinct from 'SUPERSEDED')))`
