import { generateSecret, secretVerifier } from '../../crypto/password.ts'
import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DAY_MS } from '../../kernel/units.ts'
import type { PasswordRow } from '../../store/records/directory/directory-objects.ts'
import { type ObjectDeps, applicationRow, invalid, named } from './object-changes.ts'
import type { DirectoryObjects, NewPassword } from './directory-objects.ts'
import { DirectoryObjectFault } from './faults.ts'
import { toPassword } from './objects.ts'

const TWO_YEARS_MS = 2 * 365 * DAY_MS

/** Client secrets. Sign-in takes any that is in force; only its verifier is kept. */
export function passwords({
  memory,
  clock,
  change,
}: ObjectDeps): Pick<DirectoryObjects, 'addPassword' | 'removePassword'> {
  return {
    addPassword: async (tenantId, objectId, request) =>
      await change(() => {
        const found = applicationRow(memory, tenantId, objectId)
        const { row: password, secret } = newPassword(clock, request)
        const row = { ...found, passwords: [...found.passwords, password] }
        return { changes: [{ put: 'application', row }], result: { password: toPassword(password), secret } }
      }),

    removePassword: async (tenantId, objectId, keyId) =>
      await change(() => {
        const found = applicationRow(memory, tenantId, objectId)
        const passwords = found.passwords.filter((password) => password.keyId !== keyId)
        if (passwords.length === found.passwords.length)
          throw new DirectoryObjectFault('password-not-found', { keyId })
        return { changes: [{ put: 'application', row: { ...found, passwords } }], result: undefined }
      }),
  }
}

/** @throws DirectoryObjectFault `property-invalid` */
export function newPassword(
  clock: Clock,
  { displayName, startsAt, endsAt }: NewPassword,
): { readonly row: PasswordRow; readonly secret: string } {
  const start = startsAt ?? clock.now()
  const end = endsAt ?? new Date(start.getTime() + TWO_YEARS_MS)
  if (end <= start) throw invalid('endDateTime', 'the end must come after the start')
  const secret = generateSecret()
  const row = {
    keyId: randomGuid(),
    displayName: displayName === null ? null : named(displayName),
    hint: secret.slice(0, 3),
    startsAt: start.toISOString(),
    endsAt: end.toISOString(),
    verifier: Buffer.from(secretVerifier(secret)).toString('base64'),
  }
  return { row, secret }
}
