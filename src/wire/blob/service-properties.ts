import { BlobFault } from '../../services/blob/faults.ts'
import type { ServicePropertiesChange } from '../../services/blob/service-properties.ts'
import { isServiceVersion } from '../../services/storage/blob-service-settings.ts'
import { type CorsRule, corsFlaw } from '../../services/storage/cors.ts'
import type {
  AnalyticsLogging,
  AnalyticsMetrics,
  StaticWebsite,
} from '../../services/storage/storage-account.ts'
import { type XmlNode, child, childText, parseXml } from '../shared/xml.ts'

const ROOT = 'StorageServiceProperties'
const MAX_DAYS = 365

type Reader = (node: XmlNode) => ServicePropertiesChange

const readers: Readonly<Record<string, Reader>> = {
  Logging: (node) => ({ logging: readLogging(node) }),
  HourMetrics: (node) => ({ hourMetrics: readMetrics(node) }),
  MinuteMetrics: (node) => ({ minuteMetrics: readMetrics(node) }),
  Cors: (node) => ({ corsRules: readCors(node) }),
  DefaultServiceVersion: ({ text }) => ({ defaultServiceVersion: readVersion(text) }),
  DeleteRetentionPolicy: (node) => ({ deleteRetentionDays: readDeleteRetention(node) }),
  StaticWebsite: (node) => ({ staticWebsite: readWebsite(node) }),
}

/**
 * What of the settings a client sends, and so wants to change.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties#request-body
 *
 * @throws BlobFault `document-invalid`, `document-value-invalid`, `document-node-missing`, `document-node-unsupported`
 */
export function readServiceProperties(raw: Uint8Array): ServicePropertiesChange {
  const root = parseXml(raw)
  if (root?.name !== ROOT) throw new BlobFault('document-invalid', { reason: `not a ${ROOT}` })
  const changes = root.children.map((node) => {
    const reader = Object.hasOwn(readers, node.name) ? readers[node.name] : undefined
    if (reader === undefined) throw new BlobFault('document-node-unsupported', { name: node.name })
    return reader(node)
  })
  return Object.assign({}, ...changes) as ServicePropertiesChange
}

function readLogging(node: XmlNode): AnalyticsLogging {
  return {
    version: needed(node, 'Version'),
    isRead: readBoolean(node, 'Read'),
    isWrite: readBoolean(node, 'Write'),
    isDelete: readBoolean(node, 'Delete'),
    retentionDays: readRetention(needNode(node, 'RetentionPolicy')),
  }
}

function readMetrics(node: XmlNode): AnalyticsMetrics {
  const isEnabled = readBoolean(node, 'Enabled')
  return {
    version: needed(node, 'Version'),
    isEnabled,
    includesApis: isEnabled && readBoolean(node, 'IncludeAPIs'),
    retentionDays: readRetention(needNode(node, 'RetentionPolicy')),
  }
}

function readRetention(node: XmlNode): number | null {
  if (!readBoolean(node, 'Enabled')) return null
  const text = needed(node, 'Days')
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (days < 1 || days > MAX_DAYS) throw invalid('Days', text)
  return days
}

function readDeleteRetention(node: XmlNode): number | null {
  if (child(node, 'AllowPermanentDelete') !== null && readBoolean(node, 'AllowPermanentDelete'))
    throw new BlobFault('document-node-unsupported', { name: 'AllowPermanentDelete' })
  return readRetention(node)
}

function readVersion(version: string): string | null {
  if (version === '') return null
  if (!isServiceVersion(version)) throw invalid('DefaultServiceVersion', version)
  return version
}

function readCors(node: XmlNode): readonly CorsRule[] {
  const rules = node.children.map(readCorsRule)
  const flaw = corsFlaw(rules)
  if (flaw !== null) throw invalid(flaw.name, flaw.value)
  return rules
}

function readCorsRule(node: XmlNode): CorsRule {
  if (node.name !== 'CorsRule') throw new BlobFault('document-node-unsupported', { name: node.name })
  const age = needed(node, 'MaxAgeInSeconds')
  return {
    allowedOrigins: readWords(node, 'AllowedOrigins'),
    allowedMethods: readWords(node, 'AllowedMethods').map((method) => method.toUpperCase()),
    allowedHeaders: readWords(node, 'AllowedHeaders'),
    exposedHeaders: readWords(node, 'ExposedHeaders'),
    maxAgeSeconds: /^\d{1,10}$/.test(age) ? Number(age) : NaN,
  }
}

/** Comma-separated; none, when the element is empty or missing. */
function readWords(node: XmlNode, name: string): readonly string[] {
  const text = childText(node, name)?.trim() ?? ''
  return text === '' ? [] : text.split(',').map((word) => word.trim())
}

const MIN_PATH = 3
const MAX_PATH = 255

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties: of the index documents, one at most. */
function readWebsite(node: XmlNode): StaticWebsite | null {
  if (!readBoolean(node, 'Enabled')) return null
  const path = (name: string) => {
    const text = childText(node, name)?.trim() ?? ''
    if (text === '') return null
    if (text.length < MIN_PATH || text.length > MAX_PATH) throw invalid(name, text)
    return text
  }
  const indexDocument = path('IndexDocument')
  const defaultIndexDocumentPath = path('DefaultIndexDocumentPath')
  if (indexDocument?.includes('/') === true) throw invalid('IndexDocument', indexDocument)
  if (indexDocument !== null && defaultIndexDocumentPath !== null)
    throw invalid('DefaultIndexDocumentPath', defaultIndexDocumentPath)
  return { indexDocument, defaultIndexDocumentPath, errorDocument404Path: path('ErrorDocument404Path') }
}

function readBoolean(node: XmlNode, name: string): boolean {
  const text = needed(node, name).toLowerCase()
  if (text !== 'true' && text !== 'false') throw invalid(name, text)
  return text === 'true'
}

function needed(node: XmlNode, name: string): string {
  const text = childText(node, name)?.trim() ?? ''
  if (text === '') throw new BlobFault('document-node-missing', { name })
  return text
}

function needNode(node: XmlNode, name: string): XmlNode {
  const found = child(node, name)
  if (found === null) throw new BlobFault('document-node-missing', { name })
  return found
}

function invalid(name: string, value: string): BlobFault<'document-value-invalid'> {
  return new BlobFault('document-value-invalid', { name, value })
}
