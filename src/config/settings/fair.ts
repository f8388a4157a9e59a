import { choice, GLOBAL, number, type SettingDefinition } from './define.js'

/** In which order ready steps of different satellites, sites and tiles start. */
export const FAIR_SETTINGS = {
  'fair.weight': number({
    unit: '1',
    min: 0.01,
    max: 1000,
    default: 1,
    doc: 'Share of slot time of a site among the sites that have work, and of a sub-site among those of its parent: one of weight 3 gets three times as much as one of weight 1.',
  }),
  'fair.weight_s2': number({
    unit: '1',
    min: 0.01,
    max: 1000,
    default: 1,
    scopes: GLOBAL,
    doc: 'Share of slot time of Sentinel-2 beside the other satellites that have work.',
  }),
  'fair.weight_landsat': number({
    unit: '1',
    min: 0.01,
    max: 1000,
    default: 1,
    scopes: GLOBAL,
    doc: 'Share of slot time of Landsat beside the other satellites that have work.',
  }),
  'fair.sites': choice({
    values: ['parallel', 'sequential'],
    default: 'parallel',
    scopes: GLOBAL,
    doc: 'With parallel sites share by weight; with sequential all work of one site before that of the next, the heaviest first, then the oldest.',
  }),
  'fair.priority_s': number({
    unit: 's',
    min: 0,
    max: 1e9,
    default: 3600,
    scopes: GLOBAL,
    doc: 'Slot time by which one point of priority puts a step behind: a job of priority 110 runs beside one of 100 once that one has had ten times so much more than its share.',
  }),
  'fair.ageing': number({
    unit: 's/s',
    min: 0,
    max: 1000,
    default: 1,
    scopes: GLOBAL,
    doc: 'How much of that a step makes good in each second that it is ready: with 1, ten points are forgotten after ten times fair.priority_s.',
  }),
  'fair.deadline_share': number({
    unit: '1',
    min: 0,
    max: 0.95,
    default: 0.8,
    scopes: GLOBAL,
    doc: 'Share of slot time that jobs close to their deadline get at most while others wait; 0: deadlines change no order.',
  }),
} as const satisfies Record<string, SettingDefinition>
