import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto'

/** All parts of an RSA key, as RFC 7518 section 6.3 names them. */
export interface WholeJwk {
  readonly kty: string
  readonly n: string
  readonly e: string
  readonly d: string
  readonly p: string
  readonly q: string
  readonly dp: string
  readonly dq: string
  readonly qi: string
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

export function newJwk(bits: number): WholeJwk {
  return whole(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ format: 'jwk' }))
}

export function jwkOfPkcs8(der: Buffer): WholeJwk {
  return whole(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }))
}

/** RSA-OAEP-256 by somebody else than the vault. */
export function sealFor({ n, e }: { readonly n: string; readonly e: string }, plain: Buffer): Buffer {
  return publicEncrypt({ key: createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }), ...oaep }, plain)
}

export function openWith(jwk: WholeJwk, sealed: Buffer): Buffer {
  return privateDecrypt({ key: createPrivateKey({ key: { ...jwk }, format: 'jwk' }), ...oaep }, sealed)
}

function whole(jwk: object): WholeJwk {
  return jwk as WholeJwk
}
