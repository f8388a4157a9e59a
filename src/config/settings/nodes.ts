import { flag, GLOBAL, integer, type SettingDefinition } from './define.js'

/** Hosts that run steps. */
export const NODE_SETTINGS = {
  'node.heartbeat_s': integer({
    unit: 's',
    min: 1,
    max: 600,
    default: 5,
    scopes: GLOBAL,
    doc: 'How often a scheduler tells that its node is alive; silent for three of these, the node counts as gone.',
  }),
  'node.allow_other_versions': flag({
    default: false,
    scopes: GLOBAL,
    doc: 'Give work also to nodes whose program or schema is not the one that the database was migrated for.',
  }),
} as const satisfies Record<string, SettingDefinition>
