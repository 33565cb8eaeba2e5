// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- filled by the aggregate
export interface AccessTables {}
