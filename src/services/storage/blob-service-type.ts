import type { ResourceType } from '../resources/provider.ts'
import {
  presentBlobService,
  mergeBlobService,
  readBlobService,
  withBlobService,
} from './blob-service-settings.ts'
import { asObject } from './account-words.ts'
import { STORAGE_ACCOUNT_TYPE } from './storage-account.ts'

export const BLOB_SERVICE_TYPE = `${STORAGE_ACCOUNT_TYPE}/blobServices`

/** `blobServices/default`: settings of the account in a resource's clothes. */
export function blobServiceType(): Omit<ResourceType, 'apiVersions'> {
  return {
    type: BLOB_SERVICE_TYPE,
    globalName: false,
    isProxy: true,
    identities: 'none',
    checkName: (name) =>
      name.toLowerCase() === 'default'
        ? null
        : { code: 'InvalidResourceName', message: `The blob service is called 'default', not '${name}'.` },
    put: ({ properties: sent, existing }) => {
      const stored = readBlobService({ blobService: existing?.properties ?? {} })
      return Promise.resolve({
        properties: { ...mergeBlobService(stored, sent) },
        changeParent: (account) => withBlobService(account, mergeBlobService(readBlobService(account), sent)),
      })
    },
    elsewhere: {
      find: ({ owner, names }) =>
        Promise.resolve(
          names[0]?.toLowerCase() === 'default' ? { ...readBlobService(owner.properties) } : null,
        ),
      list: ({ owner }) =>
        Promise.resolve({
          items: [{ name: 'default', properties: { ...readBlobService(owner.properties) } }],
          next: null,
        }),
    },
    present: ({ properties }) =>
      Promise.resolve({
        properties: presentBlobService(readBlobService({ blobService: asObject(properties) })),
      }),
  }
}
