import { connect } from 'node:tls'

/** What a port answers to a TLS client that shows the name and trusts the certificates given. */
export type Handshake =
  /** Nobody listens. */
  | { readonly state: 'closed' }
  /** Somebody listens who does not speak TLS, or not in time. */
  | { readonly state: 'other'; readonly reason: string }
  | {
      readonly state: 'open'
      readonly isTrusted: boolean
      /** Why not, in OpenSSL's word: `SELF_SIGNED_CERT_IN_CHAIN`, ... */
      readonly reason: string
      readonly certificatePem: string
    }

export interface HandshakeTarget {
  readonly address: string
  readonly port: number
  readonly serverName: string
  readonly trusted: readonly string[]
}

const DEADLINE_MS = 3_000

export function shakeHands({ address, port, serverName, trusted }: HandshakeTarget): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      servername: serverName,
      ca: [...trusted],
      ALPNProtocols: ['http/1.1'],
      // The answer is the finding: whom to trust is what is asked.
      rejectUnauthorized: false,
    })
    const end = (result: Handshake) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(DEADLINE_MS, () => end({ state: 'other', reason: 'it does not answer in time' }))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(
        error.code === 'ECONNREFUSED'
          ? { state: 'closed' }
          : { state: 'other', reason: error.code ?? error.message },
      ),
    )
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate()
      // Null or an Error; Node's types know the Error only.
      const error = socket.authorizationError as NodeJS.ErrnoException | string | null
      end({
        state: 'open',
        isTrusted: socket.authorized,
        reason: typeof error === 'string' ? error : (error?.code ?? error?.message ?? ''),
        certificatePem: certificate?.toString() ?? '',
      })
    })
  })
}
