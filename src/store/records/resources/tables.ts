/**
 * Subscriptions, resource groups, resources, deployments and long-running operations.
 * Clear: ids and names in lower case, what look-ups and lists compare, and the state that a restart must find.
 * All else is in `sealed`, a JSON document bound to its table and primary key.
 */
export interface ResourcesTables {
  subscriptions: {
    readonly id: string
    readonly tenant_id: string
    readonly sealed: Uint8Array
  }
  resource_groups: {
    readonly subscription_id: string
    readonly name_key: string
    /** A group that is being deleted takes no more resources. */
    readonly state: 'active' | 'deleting'
    readonly sealed: Uint8Array
  }
  resources: {
    /** ARM id in lower case. */
    readonly id_key: string
    readonly uid: string
    readonly subscription_id: string
    readonly group_key: string
    readonly type_key: string
    readonly name_key: string
    /** `id_key` of the resource that a nested one lives in. */
    readonly parent_key: string | null
    /** Type and name, for types whose names are unique over the installation. */
    readonly global_key: string | null
    readonly sealed: Uint8Array
  }
  deployments: {
    readonly id_key: string
    readonly subscription_id: string
    readonly group_key: string
    /** Names its status to whoever polls. */
    readonly operation_id: string
    readonly state: 'running' | 'done'
    readonly sealed: Uint8Array
  }
  operations: {
    readonly id: string
    readonly state: 'running' | 'done'
    readonly sealed: Uint8Array
  }
}
