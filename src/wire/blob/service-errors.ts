import type { BlobFaults } from '../../services/blob/faults.ts'
import { type Table, error } from './wire-error.ts'

type ServiceFaults = Pick<
  BlobFaults,
  | 'container-protected'
  | 'conditions-unsupported'
  | 'secondary-refused'
  | 'preflight-refused'
  | 'name-length-invalid'
  | 'document-node-missing'
  | 'document-node-unsupported'
>

/** Of accounts and containers. */
export const serviceErrors: Table<ServiceFaults> = {
  'container-protected': ({ cause }) =>
    error(409, 'ContainerProtectedFromDeletion', `The container is protected from deletion due to ${cause}.`),
  'conditions-unsupported': () =>
    error(400, 'ConditionHeadersNotSupported', 'Condition headers are not supported.'),
  'secondary-refused': ({ reason }) => error(403, 'InsufficientAccountPermissions', reason),
  'preflight-refused': () =>
    error(403, 'CorsPreflightFailure', 'CORS not enabled or no matching rule found for this request.'),
  'name-length-invalid': ({ min, max }) =>
    error(
      400,
      'OutOfRangeInput',
      'The specified resource name length is not within the permissible limits.',
      { MinimumAllowed: String(min), MaximumAllowed: String(max) },
    ),
  'document-node-missing': ({ name }) =>
    error(
      400,
      'MissingRequiredXmlNode',
      "An XML node that's required is not specified in the request body.",
      { XmlNodeName: name },
    ),
  'document-node-unsupported': ({ name }) =>
    error(400, 'UnsupportedXmlNode', 'One of the XML nodes specified in the request body is not supported.', {
      XmlNodeName: name,
    }),
}
