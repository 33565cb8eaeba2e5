import { BlobFault } from './faults.ts'

/** Runs what writes a copy's destination, whose conditions have a name of their own. @throws BlobFault `target-condition-not-met` */
export async function asTarget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isCondition = error instanceof BlobFault && error.code === 'condition-not-met'
    throw isCondition ? new BlobFault('target-condition-not-met', {}, { cause: error }) : error
  }
}
