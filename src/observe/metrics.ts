import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/** The installation's metrics, in Prometheus' text format on the loopback port. Labels are names of ours, never a client's text. */
export interface Metrics {
  requestFinished(request: {
    readonly protocol: string
    readonly operation: string
    readonly status: number
    readonly durationMs: number
    readonly bytesReceived: number
    readonly bytesSent: number
  }): void
  /** Called at each scrape. */
  gauge(name: string, help: string, value: () => number): void
  text(): Promise<string>
  readonly contentType: string
}

export function openMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'strongroom_' })
  const registers = [registry]
  const labelNames = ['protocol', 'operation', 'status'] as const
  const duration = new Histogram({
    name: 'strongroom_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  })
  const received = new Counter({
    name: 'strongroom_received_bytes_total',
    help: 'Bytes received by protocol.',
    labelNames: ['protocol'],
    registers,
  })
  const sent = new Counter({
    name: 'strongroom_sent_bytes_total',
    help: 'Bytes sent by protocol.',
    labelNames: ['protocol'],
    registers,
  })
  return {
    requestFinished({ protocol, operation, status, durationMs, bytesReceived, bytesSent }) {
      duration.observe({ protocol, operation, status: String(status) }, durationMs / 1000)
      received.inc({ protocol }, bytesReceived)
      sent.inc({ protocol }, bytesSent)
    },
    gauge(name, help, value) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value())
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
