import { certificateInfo } from '../../crypto/certificate.ts'
import { shellLine } from '../shell.ts'
import { type Finding, fail, ok } from './finding.ts'
import type { Handshake } from './handshake.ts'

/**
 * Whether clients on this machine, in this shell, accept the server's certificate. While the server runs, a handshake with
 * what the machine trusts says so; else whether our CA is among it.
 */
export function checkTrusted(options: {
  /** Null with an operator's own certificate. */
  readonly caPem: string | null
  readonly machine: Handshake
  /** PEM of each certificate that the machine and this shell trust. */
  readonly trusted: readonly string[]
  readonly dataDir: string
}): Finding | null {
  const { caPem, machine, trusted } = options
  const remedy = remedyOf(options)
  if (machine.state === 'open') {
    return machine.isTrusted
      ? ok('trust', "this shell trusts the server's certificate")
      : fail('trust', `this shell does not trust the server's certificate (${machine.reason})`, ...remedy)
  }
  if (caPem === null) return null
  const wanted = certificateInfo(caPem).fingerprint256
  return trusted.some((pem) => certificateInfo(pem).fingerprint256 === wanted)
    ? ok('trust', 'this shell trusts our CA')
    : fail('trust', 'this shell does not trust our CA', ...remedy)
}

function remedyOf({
  caPem,
  dataDir,
}: {
  readonly caPem: string | null
  readonly dataDir: string
}): readonly string[] {
  if (caPem === null) return ['add what signed your certificate to the trust store of this machine']
  const command = (name: string) =>
    shellLine(['npm', 'run', '-s', 'strongroom', '--', name, '--data', dataDir])
  return [`in this shell: eval "$(${command('env')})"`, `on this machine, as root: ${command('trust')}`]
}
