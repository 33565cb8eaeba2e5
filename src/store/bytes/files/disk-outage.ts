import { Outage } from '../../../kernel/fault.ts'

const words: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file grew beyond what the disk allows',
  EROFS: 'the disk is read-only',
  EIO: 'the disk reports an error',
  ESTALE: 'the network file system lost the file',
  ENODEV: 'the disk is gone',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the machine has too many files open',
  ENOMEM: 'out of memory',
  EACCES: 'the data folder may not be accessed: see to its owner and mode',
  EPERM: 'the data folder may not be accessed: see to its owner and mode',
}

export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/** @returns an Outage in plain words where the disk failed; any other error as it was. */
export function asOutage(error: unknown): unknown {
  const text = words[errorCode(error) ?? '']
  return text === undefined ? error : new Outage(`bytes cannot be kept or fetched: ${text}`, { cause: error })
}
