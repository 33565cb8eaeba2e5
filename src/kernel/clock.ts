/** The time as records and tokens see it. Tests move it; leases never follow it (see `LeaseClock` in services/keyring). */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }

/** Whole seconds since 1970, as JWT (RFC 7519 NumericDate) and Key Vault (IntDate) write them. */
export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}

/** RFC 3339 with seven fractional digits, as Azure writes its times. */
export function azureTime(date: Date): string {
  return date.toISOString().replace('Z', '0000Z')
}
