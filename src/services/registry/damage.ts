import { damageTeller } from '../../store/bytes/damage.ts'
import { RegistryFault } from './faults.ts'

/** Both throw RegistryFault `content-damaged`. */
export const { tellingDamage, tellingDamageIn } = damageTeller(
  (cause) => new RegistryFault('content-damaged', {}, { cause }),
)
