import { certificateInfo } from '../../crypto/certificate.ts'
import { DAY_MS } from '../../kernel/units.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { sampleNames } from './names.ts'

const SOON_MS = 14 * DAY_MS

/** Whether the server's certificate names the hosts that it serves, and how long it is good for. */
export function checkCertificate(certificatePem: string, domain: string, now: Date): Finding {
  const { notBefore, notAfter, subjectAltNames } = certificateInfo(certificatePem)
  const missing = sampleNames(domain).filter((name) => !covers(subjectAltNames, name))
  const end = notAfter.toISOString().slice(0, 10)
  const remedy = 'start the server anew, which makes a new one; one of your own has to come from who made it'
  if (missing.length > 0) return fail('certificate', `it does not name ${missing.join(', ')}`, remedy)
  if (now < notBefore) {
    return fail(
      'certificate',
      `it is good only from ${notBefore.toISOString()} on`,
      "see to this machine's clock",
    )
  }
  if (now >= notAfter) return fail('certificate', `it ended on ${end}`, remedy)
  if (notAfter.getTime() - now.getTime() < SOON_MS) return warn('certificate', `it ends on ${end}`, remedy)
  return ok('certificate', `it names every host and is good until ${end}`)
}

/** A wildcard stands for one label (RFC 6125 section 6.4.3). */
function covers(altNames: readonly string[], name: string): boolean {
  const parent = name.slice(name.indexOf('.') + 1)
  return altNames.includes(`DNS:${name}`) || altNames.includes(`DNS:*.${parent}`)
}
