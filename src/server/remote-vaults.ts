import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ConfigError } from '../config/config.ts'
import type { RemoteVaultsConfig } from '../config/remote-vaults.ts'
import { certificateInfo } from '../crypto/certificate.ts'
import { Outage } from '../kernel/fault.ts'
import { SECOND_MS } from '../kernel/units.ts'
import type { Log } from '../observe/log.ts'
import type { ClientCredential } from '../services/remote-vault/client-tokens.ts'
import {
  type RemoteVaults,
  type RemoteVaultsDeps,
  openRemoteVaults,
} from '../services/remote-vault/open-remote-vaults.ts'

const PROBE_MS = 5 * SECOND_MS

/**
 * The files that the operator named are read now, so that what is wrong with them is told at the start; the client secrets
 * are read again whenever a token is needed.
 *
 * @throws ConfigError
 */
export async function remoteVaultsOf(
  configs: readonly RemoteVaultsConfig[],
  deps: RemoteVaultsDeps,
): Promise<readonly RemoteVaults[]> {
  return await Promise.all(configs.map(async (config) => openRemoteVaults(await settingsOf(config), deps)))
}

/** Says in the log which server cannot be used now, and why. It may come back: that is no reason not to start. */
export async function probeRemoteVaults(
  remotes: readonly RemoteVaults[],
  log: Pick<Log, 'warn'>,
): Promise<void> {
  for (const remote of remotes) {
    try {
      await remote.probe(AbortSignal.timeout(PROBE_MS))
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      log.warn(
        { vaults: remote.kind.audience, detail: error.detail },
        'the vaults of another server are out of reach',
      )
    }
  }
}

async function settingsOf({ caFile, identities, ...config }: RemoteVaultsConfig) {
  for (const { credentialFile } of identities) {
    await readCredential(credentialFile).catch((error: unknown) => {
      throw new ConfigError(`--remote-vaults: ${problemOf(credentialFile)}`, { cause: error })
    })
  }
  return {
    ...config,
    ca: caFile === null ? null : await readAuthorities(caFile),
    identities: identities.map(({ identity, credentialFile }) => ({
      identity,
      credential: () => credentialOf(credentialFile),
    })),
  }
}

async function readAuthorities(file: string): Promise<string> {
  try {
    const pem = await readFile(file, 'utf8')
    certificateInfo(pem)
    return pem
  } catch (error) {
    throw new ConfigError(`--remote-vaults: ${file} cannot be read, or holds no certificate (PEM)`, {
      cause: error,
    })
  }
}

const credentialShape = z.object({ clientId: z.string().min(1), clientSecret: z.string().min(1) })

async function readCredential(file: string): Promise<ClientCredential> {
  return credentialShape.parse(JSON.parse(await readFile(file, 'utf8')))
}

async function credentialOf(file: string): Promise<ClientCredential> {
  try {
    return await readCredential(file)
  } catch {
    // What the parsers say quotes the secret.
    throw new Outage('a client credential cannot be read', { detail: `${problemOf(file)}.` })
  }
}

function problemOf(file: string): string {
  return `${file} cannot be read, or is no JSON with clientId and clientSecret`
}
