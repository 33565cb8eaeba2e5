import { damageTeller } from '../../store/bytes/damage.ts'
import { BlobFault } from './faults.ts'

/** Both throw BlobFault `content-damaged`. */
export const { tellingDamage, tellingDamageIn } = damageTeller(
  (cause) => new BlobFault('content-damaged', {}, { cause }),
)
