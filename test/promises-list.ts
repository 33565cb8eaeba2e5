/** What the registry promises about customer-managed keys, in our words. One test at least, driven through a real client, proves each. */
export interface PromiseEntry {
  readonly id: string
  readonly promise: string
  /** Where the line that is typed today is not the one of Azure's document, or where the answer is our choice. */
  readonly note?: string
}

export const promises: readonly PromiseEntry[] = [
  entry('A01', 'Images and all other artifacts are encrypted at rest by default, under service-managed keys'),
  entry('A02', "A customer's key is a layer of its own: without it, everything else opens nothing"),
  entry(
    'A03',
    'Keys are generated in the vault or brought into it (RSA 2048, 3072, 4096); curves are refused',
  ),
  entry(
    'A04',
    'The use of the key can be audited',
    'the log is read at the vault, without a storage account',
  ),
  entry('A05', 'The Premium tier alone takes a customer-managed key'),
  entry(
    'A06',
    'A key is enabled when the registry is created, or never',
    '`--limits lifted` allows it later',
  ),
  entry('A07', 'Once enabled, encryption is not disabled again', '`--limits lifted` allows it'),
  entry(
    'A08',
    'Content trust is not supported on an encrypted registry',
    '`az acr config content-trust update` takes no `enabled` any more: `az rest --method patch`',
  ),
  entry(
    'A11',
    'The whole CLI script works with az 2.2.0 or newer',
    'two of its lines have an en dash (`–-name`), which no az ever took: `--name`',
  ),
  entry('A12', '`az group create` makes a resource group'),
  entry(
    'A13',
    '`az identity create` prints ids, names, tenant and type of the identity',
    "today's az leaves `clientSecretUrl` out of what it prints; the answer has it (`az resource show`)",
  ),
  entry('A14', 'The managed identity is what the registry reaches the vault with'),
  entry('A15', '`az identity show --query id` and `principalId` give the two ids'),
  entry(
    'A16',
    'The vault must have soft delete and purge protection',
    'soft delete cannot be off: such a vault is refused when it is made',
  ),
  entry(
    'A17',
    '`az keyvault create` with both protections',
    '`--enable-soft-delete` is gone since az 2.41 (always on); access policies take `--enable-rbac-authorization false` since 2.61',
  ),
  entry('A18', '`az keyvault set-policy` gives get, unwrapKey and wrapKey, and nothing else is allowed'),
  entry('A19', '`az keyvault key create` makes an RSA key with six operations and a versioned id'),
  entry('A20', '`az keyvault key show --query key.kid` gives the key id'),
  entry('A21', '`az acr create --identity --key-encryption-key --sku Premium` makes an encrypted registry'),
  entry(
    'A22',
    '`az acr encryption show` prints the status, the identity and the two key ids',
    'newer api-versions add whether and when the key was rotated; 2019-12-01-preview has the three alone',
  ),
  entry('A29', 'One deployment of the template makes registry, identity and access policy'),
  entry(
    'A30',
    'The template takes its four parameters, by either verb',
    "`az group deployment create` is deprecated, and works; `az deployment group create` is today's",
  ),
  entry('A31', '`KeyIdentifier`, `resourceID()` and `reference()` of the template are understood'),
  entry('A32', '`az acr encryption show` reports enabled after the template'),
  entry('A33', 'An encrypted registry is used as any other: login, push, pull, tag, run, list, lock, delete'),
  entry('A34', 'After a rotation the registry encrypts with the new key: one wrap, the old version may go'),
  entry('A35', 'The same identity serves for a new key'),
  entry('A36', 'Another user-assigned identity may take over at a rotation'),
  entry('A37', 'The system-assigned identity may take over at a rotation'),
  entry('A38', 'An identity without permissions is refused, with the names of those that it needs'),
  entry('A39', '`az keyvault key create` on the same name makes a new version'),
  entry(
    'A40',
    '`az acr encryption rotate-key --identity` takes the principal id',
    "client id, resource id and name as well, as today's az says",
  ),
  entry('A42', 'Changing the access policy revokes the key: push and pull are refused within the bound'),
  entry('A43', 'Deleting the key revokes it likewise'),
  entry('A44', 'Revocation blocks all data: every route and method, and transfers under way'),
  entry('A45', 'Access given back, the same images open again, with nothing done to the registry'),
  entry('A46', 'The system-assigned identity is enabled and shows an object id'),
  entry(
    'A47',
    'A policy is given by object id, or to a principal found by the name of the registry',
    'the search by name is `az ad sp list --display-name` here',
  ),
  entry('A48', 'Encryption is switched to the system-assigned identity'),
  entry(
    'A49',
    "Behind the vault's firewall the registry works when trusted services are let through",
    "with user-assigned identities too, and from the creation on; Azure's document knew the system-assigned one only",
  ),
  entry('A50', 'Trusted services need the permission all the same'),
  entry('A51', "Encryption is the server's: clients are unmodified and hold no key"),
  entry('A52', 'Each tier has its limit; an encrypted registry keeps its tier'),
  entry('A53', 'A deleted key is no data loss: not purged, recovered, the same images'),
  entry('A54', 'A deleted vault is no data loss: not purged, recovered, the same images'),
  entry('A55', 'Identity, vault and registry take the location of their group'),
  entry('A56', '`az acr encryption show` and `rotate-key` do without the group'),
  entry('A57', '`set-policy` and `delete-policy` touch nobody but the one they name'),
  entry('A58', 'The private parts of a key never leave the vault'),
  entry('A59', 'The key id is usable as it was printed'),
  entry(
    'A60',
    '`az acr encryption show` on a plain registry says disabled',
    'our choice; not in the document',
  ),
  entry('A61', 'The template attaches the identity and encrypts with its client id'),
  entry('A62', "The template's key id has no default; an empty registry name makes nothing"),
  entry('A63', "The template's other properties are stored"),
  entry('A64', "The template's access policy is merged into those that are there"),
  entry('A65', "The document's file, byte for byte, deploys twice to the same result"),
  entry('A66', 'Version, key, vault and identity are each updated alone'),
  entry('A67', 'The system-assigned identity has to be enabled before it is named'),
  entry('A79', 'Firewall rules of the vault keep a user out and let the registry in'),
  entry('A80', 'A vault with roles in the place of policies serves as well'),
  entry('A82', '`az acr show`, `az resource show` and `az feature` answer'),
]

/** Promised by the document and not kept yet. */
export const later: readonly { readonly ids: string; readonly what: string }[] = [
  { ids: 'A09, A10', what: 'run logs of ACR tasks: there are no tasks yet' },
  { ids: 'A23-A28, A41, A68-A78', what: 'the portal' },
  { ids: 'A81', what: 'secrets in the vault' },
  { ids: 'B01-B68', what: 'storage accounts' },
]

function entry(id: string, promise: string, note?: string): PromiseEntry {
  return note === undefined ? { id, promise } : { id, promise, note }
}
